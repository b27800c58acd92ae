package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	cmserver "github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

const apiKey = "key-of-the-account"

// world is a running webhook with a simulated mijn.host and cluster, all over HTTP.
type world struct {
	*testing.T
	api     *mijnhosttest.Server
	cluster *clustertest.Cluster
	url     string
	client  *http.Client
	stop    context.CancelFunc
	ended   chan error
}

// newWorld starts the webhook with extra flags and waits until it is alive. The cluster has a Secret with the key of an account
// that has example.nl.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{T: t, api: mijnhosttest.Start(t, mijnhosttest.Options{}), cluster: clustertest.Start(t), ended: make(chan error, 1)}
	w.api.AddAccount(apiKey, "example.nl")
	w.cluster.SetSecret("cert-manager", "mijn-host-api-key", "api-key", apiKey)
	w.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(w.client.CloseIdleConnections)

	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.url = "https://" + listener.Addr().String()
	o := cmserver.NewWebhookServerOptions(clustertest.Group)
	set := pflag.NewFlagSet("webhook", pflag.ContinueOnError)
	o.RecommendedOptions.AddFlags(set)
	kubeconfig := w.cluster.Kubeconfig(t)
	if err := set.Parse(append(flags, "--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig, "--authentication-skip-lookup", "--cert-dir="+t.TempDir())); err != nil {
		t.Fatal(err)
	}
	o.RecommendedOptions.SecureServing.Listener = listener

	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	t.Cleanup(w.stop)
	provider := mijnhost.NewProvider(mijnhost.Options{BaseURL: w.api.URL(), UserAgent: "test/1", Transport: otelhttp.NewTransport(
		apiclient.NewTransport(), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))})
	go func() {
		// Two solvers, because two resources of one kind need unique operation IDs.
		w.ended <- server.Run(ctx, o, solver.New(solver.Options{Name: "mijn-host", Provider: provider}), solver.New(solver.Options{Name: "another-host", Provider: provider}))
	}()
	w.until("the webhook is alive", func() bool { return w.get("/livez") == http.StatusOK })
	return w
}

// until waits for a condition that another goroutine brings about.
func (w *world) until(what string, happened func() bool) {
	w.Helper()
	timeout, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-timeout:
			w.Fatalf("gave up after a minute waiting until %s", what)
		}
	}
}

func (w *world) get(path string) (status int) {
	w.Helper()
	status, _, _ = w.getOnce(path)
	return status
}

// getOnce also reports whether the server closes the connection.
func (w *world) getOnce(path string) (status int, body string, isLast bool) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, w.url+path, http.NoBody)
	if err != nil {
		w.Fatal(err)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, "", false
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Error(err)
	}
	return resp.StatusCode, string(content), resp.Close
}

// ask sends a challenge as user and returns the answer.
func (w *world) ask(user string, action whapi.ChallengeAction, headers ...string) clustertest.Answer {
	w.Helper()
	answer, err := clustertest.Ask(w.Context(), w.client, w.url, user, clustertest.NewChallenge(action), headers...)
	if err != nil {
		w.Fatal(err)
	}
	return answer
}

func (w *world) wantSuccess(a clustertest.Answer) {
	w.Helper()
	if !a.Success {
		w.Errorf("got %+v, want success", a)
	}
}

func (w *world) wantValues(want int) {
	w.Helper()
	got := 0
	for _, r := range w.api.Records("example.nl") {
		if r.Type == "TXT" && r.Value == clustertest.Value {
			got++
		}
	}
	if got != want {
		w.Errorf("got the value %d times in the zone, want %d", got, want)
	}
}

// wantEnd stops the webhook and expects it to end without error.
func (w *world) wantEnd() {
	w.Helper()
	w.stop()
	select {
	case err := <-w.ended:
		if err != nil {
			w.Errorf("the webhook ended with %v", err)
		}
	case <-time.After(time.Minute):
		w.Error("the webhook did not end in a minute")
	}
}
