package network

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Proxy leads the API server to the pods, which is what an egress selector is for: it is told to reach everything in
// the cluster by HTTP CONNECT through this socket. So no Service, APIService or webhook configuration needs a change.
type Proxy struct {
	server *http.Server
}

// StartProxy listens on a Unix socket.
func StartProxy(ctx context.Context, socket string) (*Proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	p := &Proxy{server: &http.Server{Handler: http.HandlerFunc(connect), ReadHeaderTimeout: time.Minute}}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Stop accepts no more connections.
func (p *Proxy) Stop() { _ = p.server.Close() }

func connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "this is a proxy for CONNECT alone", http.StatusMethodNotAllowed)
		return
	}
	pod, err := new(net.Dialer).DialContext(r.Context(), "tcp", Loopback(r.Host))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = pod.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	// As soon as either side ends, so does the other: nothing here speaks through a half-closed connection.
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(pod, buffered); _ = pod.Close() })
	both.Go(func() { _, _ = io.Copy(client, pod); _ = client.Close() })
	both.Wait()
}
