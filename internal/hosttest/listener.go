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

// Listener is where a simulator can be reached. One of Listen,
// ListenDNS and ListenInMemory may be called, once, before anything else.
type Listener struct {
	closeOnce sync.Once
	closed    chan struct{}
	closers   []func() // set before anything is served
	listener  net.Listener
	scheme    string
	dnsAddr   string
	inMemory  *pipeListener
}

// NewListener makes one that does not listen yet.
func NewListener() *Listener { return &Listener{closed: make(chan struct{}), scheme: "http"} }

// Listen serves HTTP at one address, over TLS if there is a configuration, and
// DNS on UDP and TCP at another. An empty address of DNS is none.
func (l *Listener) Listen(httpAddr, dnsAddr string, config *tls.Config, handler http.Handler, answer func(*dns.Msg) *dns.Msg) error {
	ctx := context.Background() // nothing here waits
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

// ListenDNS serves DNS alone.
func (l *Listener) ListenDNS(addr string, answer func(*dns.Msg) *dns.Msg) error {
	return l.serveDNS(context.Background(), addr, answer) // nothing here waits
}

// ListenInMemory serves HTTP on pipes in memory, to be reached by Dial. All its
// goroutines can be durably blocked. The name is the host of its URL.
func (l *Listener) ListenInMemory(name string, config *tls.Config, handler http.Handler) {
	l.inMemory = newPipeListener(name)
	l.serveHTTP(l.inMemory, config, handler)
}

// serveHTTP serves until Close, which waits until every goroutine has ended.
func (l *Listener) serveHTTP(listener net.Listener, config *tls.Config, handler http.Handler) {
	l.listener = listener
	if config != nil {
		l.scheme = "https"
		listener = tls.NewListener(listener, config)
	}
	var conns sync.WaitGroup
	server := &http.Server{ //nolint:gosec // its clients are tests, which may be as slow as they like
		Handler: handler,
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
	l.closers = append(l.closers, func() {
		_ = server.Close()
		<-ended
		// Once more, for a connection that was accepted while it closed.
		_ = server.Close()
		conns.Wait()
	})
}

// Close ends it, and waits for its goroutines. Calls in flight lose their
// connection.
func (l *Listener) Close() {
	l.closeOnce.Do(func() {
		close(l.closed)
		for _, c := range l.closers {
			c()
		}
	})
}

// Closed is closed once Close has been called.
func (l *Listener) Closed() <-chan struct{} { return l.closed }

// Origin is scheme and host of the URL, or empty if it does not listen.
func (l *Listener) Origin() string {
	if l.listener == nil {
		return ""
	}
	return l.scheme + "://" + l.HTTPAddr()
}

// HTTPAddr is the address of HTTP, or empty if it does not listen.
func (l *Listener) HTTPAddr() string {
	if l.listener == nil {
		return ""
	}
	return l.listener.Addr().String()
}

// DNSAddr is the address of DNS, on UDP and TCP alike, or empty if there is none.
func (l *Listener) DNSAddr() string { return l.dnsAddr }

// Dial connects to HTTP. In memory every address leads to it; otherwise the
// address is dialled as usual.
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.inMemory != nil {
		return l.inMemory.dial(ctx)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// HTTPTransport makes a transport that connects by Dial.
func (l *Listener) HTTPTransport() *http.Transport {
	return &http.Transport{DialContext: l.Dial, ForceAttemptHTTP2: false}
}

// Pause waits, and reports whether it waited to the end: false if the client
// has gone away, or Close has been called.
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
