package hosttest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// pipeListener is a net.Listener whose connections are in-memory pipes. A goroutine that waits on a pipe is durably
// blocked, one that waits on a socket is not. Virtual time only advances when all goroutines are durably blocked.
type pipeListener struct {
	addr      memoryAddr
	conns     chan net.Conn
	closeOnce sync.Once
	closed    chan struct{}
}

func newPipeListener(name string) *pipeListener {
	return &pipeListener{addr: memoryAddr(name), conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close unblocks Accept. Open connections stay open.
func (l *pipeListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the host of the server's URL.
func (l *pipeListener) Addr() net.Addr { return l.addr }

// dial opens a connection. A closed listener refuses it, like a closed port.
func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	refuse := func(err error) (net.Conn, error) {
		_ = client.Close()
		_ = server.Close()
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: l.addr, Err: err}
	}
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return refuse(syscall.ECONNREFUSED)
	case <-ctx.Done():
		return refuse(ctx.Err())
	}
}

// memoryAddr is the host of an in-memory server's URL.
type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }
