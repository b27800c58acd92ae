package certmanager

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	cmwebhook "github.com/cert-manager/cert-manager/test/webhook"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// runWebhook runs cert-manager's admission webhook, which validates and defaults its resources.
//
// Its only exported entry point is a helper for cert-manager's tests, which needs a *testing.T and listens on any free port. So
// the program runs the helper as its only "test", and forwards the chart's port to it.
func runWebhook() {
	args := os.Args[1:]
	os.Args = []string{os.Args[0], "-test.v", "-test.timeout=0"} // for package testing
	all := func(string, string) (bool, error) { return true, nil }
	//nolint:thelper // it is the test itself
	webhook := testing.InternalTest{Name: "webhook", F: func(t *testing.T) {
		if err := serveWebhook(t, args); err != nil {
			t.Fatal(err)
		}
	}}
	testing.Main(all, []testing.InternalTest{webhook}, nil, nil)
}

//nolint:thelper // it is the test itself
func serveWebhook(t *testing.T, args []string) error {
	flags := pflag.NewFlagSet("cert-manager-webhook", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	address := flags.String("bind-address", "127.0.0.1", "address of the pod")
	port := flags.String("secure-port", "10250", "port of the pod")
	healthz := flags.String("healthz-port", "6080", "port for probes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// The helper rejects unknown flags such as -v, and chooses its own ports.
	args = slices.DeleteFunc(args, func(arg string) bool {
		return !strings.HasPrefix(arg, "--dynamic-serving-") && !strings.HasPrefix(arg, "--kubeconfig=")
	})
	server, stop := cmwebhook.StartWebhookServer(t, args)
	defer stop()
	backend, err := url.Parse(server.URL)
	if err != nil {
		return err
	}

	ctx, cancel := signal.NotifyContext(t.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return forward(ctx, net.JoinHostPort(*address, *port), backend.Host) })
	group.Go(func() error { return serveWebhookProbes(ctx, net.JoinHostPort(*address, *healthz), backend.Host) })
	return group.Wait()
}

// forward proxies TCP connections.
func forward(ctx context.Context, from, to string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", from)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		client, err := listener.Accept()
		if err != nil {
			return unlessDone(ctx, err)
		}
		go func() {
			defer func() { _ = client.Close() }()
			server, err := new(net.Dialer).DialContext(ctx, "tcp", to)
			if err != nil {
				return
			}
			defer func() { _ = server.Close() }()
			go func() { _, _ = io.Copy(server, client) }()
			_, _ = io.Copy(client, server)
		}()
	}
}

// serveWebhookProbes reports healthy while the server accepts connections.
func serveWebhookProbes(ctx context.Context, address, backend string) error {
	healthy := func(w http.ResponseWriter, r *http.Request) {
		connection, err := new(net.Dialer).DialContext(r.Context(), "tcp", backend)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_ = connection.Close()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", healthy)
	mux.HandleFunc("GET /healthz", healthy)
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return unlessDone(ctx, server.ListenAndServe())
}

// unlessDone returns the error of a server, and nil if it was stopped through ctx.
func unlessDone(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}
