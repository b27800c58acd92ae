package mijnhosttest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// TB is what the package needs of a test: a testing.TB is one, and so is the T
// of a library for property tests.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Start makes a server that listens on the loopback interface: HTTP on a port of
// its own, DNS on one port of UDP and TCP. It ends with the test, and fails it
// if it received a PUT, unless Options.TestSendsPUT.
func Start(tb TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	if err := s.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		tb.Fatalf("mijnhosttest: %v", err)
	}
	s.endWith(tb)
	return s
}

// StartInMemory makes a server that listens on pipes in memory, to be reached by
// HTTPTransport or Dial. All its goroutines can be durably blocked, so that it
// can run within a testing/synctest bubble, and all of them end with the test.
// There is no DNS on a port; see Server.Answer.
func StartInMemory(tb TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	s.inMemory = newPipeListener()
	s.serveHTTP(s.inMemory)
	s.endWith(tb)
	return s
}

func (s *Server) endWith(tb TB) {
	tb.Cleanup(func() {
		s.Close()
		if !s.Options().TestSendsPUT {
			s.RequireNoPUT(tb)
		}
	})
}

// Listen serves the API at one address, and DNS on UDP and TCP at another. It
// may be called once. An empty address of DNS is none. Close ends it.
func (s *Server) Listen(httpAddr, dnsAddr string) error {
	ctx := context.Background() // nothing here waits
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", httpAddr)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	if dnsAddr != "" {
		if err := s.serveDNS(ctx, dnsAddr); err != nil {
			_ = listener.Close()
			return fmt.Errorf("listening for DNS: %w", err)
		}
	}
	s.serveHTTP(listener)
	return nil
}

// serveHTTP serves the API on the listener until Close, which waits until every
// goroutine of it has ended.
func (s *Server) serveHTTP(listener net.Listener) {
	s.listener = listener
	if s.opts.TLS != nil {
		listener = tls.NewListener(listener, s.opts.TLS)
	}
	var conns sync.WaitGroup
	server := &http.Server{ //nolint:gosec // its clients are tests, which may be as slow as they like
		Handler: s,
		// What goes wrong here is the client's to tell.
		ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateClosed, http.StateHijacked:
				conns.Done()
			}
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // a listener of our own does not fail
		}
	}()
	s.closers = append(s.closers, func() {
		_ = server.Close()
		<-ended
		// Once more, for a connection that was accepted while it closed.
		_ = server.Close()
		conns.Wait()
	})
}

// Close ends the server, and waits for its goroutines. Calls in flight lose
// their connection.
func (s *Server) Close() {
	s.closeOnce.Do(func() {
		close(s.closed)
		for _, c := range s.closers {
			c()
		}
	})
}

// URL is the base URL of the API, without a slash at its end.
func (s *Server) URL() string {
	scheme := "http"
	if s.Options().TLS != nil {
		scheme = "https"
	}
	if s.listener == nil {
		return ""
	}
	return scheme + "://" + s.listener.Addr().String() + BasePath
}

// HTTPAddr is the address at which the API listens.
func (s *Server) HTTPAddr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// DNSAddr is the address at which DNS listens, on UDP and TCP alike; it is empty
// if it does not.
func (s *Server) DNSAddr() string { return s.dnsAddr }

// Dial connects to the API. In memory every address leads to it; otherwise the
// address is dialled as usual.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if s.inMemory != nil {
		return s.inMemory.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// HTTPTransport makes a transport that reaches the server. A test in a bubble
// must use it, and close its idle connections or leave that to the server's end.
func (s *Server) HTTPTransport() *http.Transport {
	return &http.Transport{DialContext: s.Dial, ForceAttemptHTTP2: false}
}
