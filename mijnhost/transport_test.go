package mijnhost_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// A NAT or a load balancer can drop a connection silently. HTTP/2 sends all requests over one connection, so retries
// would hang as well.
func TestTransport_ReplacesDeadConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status": 200, "data": {"records": []}}`)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	path := newForgetfulPath(t, server.Listener.Addr().String())

	transport := apiclient.NewTransport()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	transport.TLSClientConfig = &tls.Config{RootCAs: trusted, ServerName: "example.com", MinVersion: tls.VersionTLS12}
	defer transport.CloseIdleConnections()
	client := mijnhost.NewClient(mijnhost.Options{BaseURL: "https://" + path.address(), Transport: transport}, testKey)

	ctx, cancel := callContext(t.Context())
	defer cancel()
	if _, err := client.Records(ctx, "example.nl"); err != nil {
		t.Fatal(err)
	}
	path.forget()
	if _, err := client.Records(ctx, "example.nl"); err != nil {
		t.Errorf("after the connection was dropped: %v", err)
	}
	if connections := path.connections.Load(); connections != 2 {
		t.Errorf("got %d connections, want 2", connections)
	}
}

// forgetfulPath forwards connections to a server until forget: then they stay open, but forward nothing.
type forgetfulPath struct {
	listener    net.Listener
	connections atomic.Int32
	forgotten   atomic.Int32 // connections up to this number
}

func newForgetfulPath(t *testing.T, server string) *forgetfulPath {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &forgetfulPath{listener: listener}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(func() { cancel(); _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.carry(ctx, client, server, p.connections.Add(1))
		}
	}()
	return p
}

func (p *forgetfulPath) address() string { return p.listener.Addr().String() }

func (p *forgetfulPath) forget() { p.forgotten.Store(p.connections.Load()) }

func (p *forgetfulPath) carry(ctx context.Context, client net.Conn, server string, number int32) {
	upstream, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
	if err != nil {
		_ = client.Close()
		return
	}
	context.AfterFunc(ctx, func() { _ = client.Close(); _ = upstream.Close() })
	pipe := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(writer(func(b []byte) (int, error) {
			if p.forgotten.Load() >= number {
				return len(b), nil
			}
			return to.Write(b)
		}), from)
	}
	go pipe(upstream, client)
	go pipe(client, upstream)
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
