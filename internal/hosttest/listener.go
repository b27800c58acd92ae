package hosttest

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
	"time"

	"github.com/miekg/dns"
)

// Listener serves a simulator. Call one of Listen, ListenDNS and ListenInMemory, once, before any other method.
type Listener struct {
	closeOnce sync.Once
	closed    chan struct{}
	closers   []func() // set before anything is served
	listener  net.Listener
	scheme    string
	dnsAddr   string
	inMemory  *pipeListener
}

// NewListener returns a Listener that does not listen yet.
func NewListener() *Listener { return &Listener{closed: make(chan struct{}), scheme: "http"} }

// Listen serves HTTP at one address, over TLS if config is not nil, and DNS on UDP and TCP at another. An empty DNS
// address means no DNS.
func (l *Listener) Listen(httpAddr, dnsAddr string, config *tls.Config, handler http.Handler, answer func(*dns.Msg) *dns.Msg) error {
	ctx := context.Background() // nothing here blocks
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", httpAddr)
	if err != nil {
		return fmt.Errorf("listening for HTTP: %w", err)
	}
	if dnsAddr != "" {
		if err := l.serveDNS(ctx, dnsAddr, answer); err != nil {
			_ = listener.Close()
			return fmt.Errorf("listening for DNS: %w", err)
		}
	}
	l.serveHTTP(listener, config, handler)
	return nil
}

// ListenDNS serves only DNS.
func (l *Listener) ListenDNS(addr string, answer func(*dns.Msg) *dns.Msg) error {
	return l.serveDNS(context.Background(), addr, answer) // nothing here blocks
}

// ListenInMemory serves HTTP on in-memory pipes; clients connect with Dial. All its goroutines can be durably blocked.
// name is the host of its URL.
func (l *Listener) ListenInMemory(name string, config *tls.Config, handler http.Handler) {
	l.inMemory = newPipeListener(name)
	l.serveHTTP(l.inMemory, config, handler)
}

// serveHTTP serves until Close, which waits for every goroutine.
func (l *Listener) serveHTTP(listener net.Listener, config *tls.Config, handler http.Handler) {
	l.listener = listener
	if config != nil {
		l.scheme = "https"
		listener = tls.NewListener(listener, config)
	}
	var conns sync.WaitGroup
	server := &http.Server{ //nolint:gosec // its only clients are tests, which may be slow
		Handler: handler,
		// The client reports what goes wrong.
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
			panic(err) // our own listener does not fail
		}
	}()
	l.closers = append(l.closers, func() {
		_ = server.Close()
		<-ended
		// Close once more, because a connection may have been accepted during the first Close.
		_ = server.Close()
		conns.Wait()
	})
}

// Close stops serving and waits for all goroutines. It drops the connections of calls in flight.
func (l *Listener) Close() {
	l.closeOnce.Do(func() {
		close(l.closed)
		for _, c := range l.closers {
			c()
		}
	})
}

// Closed returns a channel that Close closes.
func (l *Listener) Closed() <-chan struct{} { return l.closed }

// Origin returns scheme and host of the URL, or "" if it does not listen.
func (l *Listener) Origin() string {
	if l.listener == nil {
		return ""
	}
	return l.scheme + "://" + l.HTTPAddr()
}

// HTTPAddr returns the HTTP address, or "" if it does not listen.
func (l *Listener) HTTPAddr() string {
	if l.listener == nil {
		return ""
	}
	return l.listener.Addr().String()
}

// DNSAddr returns the DNS address, the same for UDP and TCP, or "" without DNS.
func (l *Listener) DNSAddr() string { return l.dnsAddr }

// Dial connects to the HTTP server. In memory, every address leads to it; otherwise addr is dialled as usual.
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.inMemory != nil {
		return l.inMemory.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// HTTPTransport returns a transport that connects with Dial.
func (l *Listener) HTTPTransport() *http.Transport {
	return &http.Transport{DialContext: l.Dial, ForceAttemptHTTP2: false}
}

// Pause waits for d. It returns false if the client disconnects or Close is called first.
func (l *Listener) Pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-l.closed:
		return false
	}
}
