package network

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Proxy is the API server's egress proxy. The API server reaches pods by HTTP CONNECT through its socket, so Services, APIServices
// and webhook configurations need no change.
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
		http.Error(w, "only CONNECT is supported", http.StatusMethodNotAllowed)
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
	// Half-closed connections are not supported: the end of either side closes both.
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(pod, buffered); _ = pod.Close() })
	both.Go(func() { _, _ = io.Copy(client, pod); _ = client.Close() })
	both.Wait()
}
