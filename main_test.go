package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	rtrtest "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

func TestServer_InvalidFlags(t *testing.T) {
	t.Parallel()
	const key = "a key with spaces"
	for name, c := range map[string]struct {
		environment string
		args        []string
		want        string
	}{
		"base URL without scheme":             {"", []string{"--mijnhost-base-url=mijn.host"}, "must be an https URL"},
		"base URL without TLS":                {"", []string{"--mijnhost-base-url=http://mijn.host/api/v2"}, "http is allowed for loopback addresses only"},
		"invalid domain":                      {"", []string{"--allowed-domains=a..nl"}, "--allowed-domains"},
		"invalid domain with PATCH that adds": {"", []string{"--mijnhost-patch-adds=a..nl"}, "--mijnhost-patch-adds"},
		"invalid API key":                     {key, nil, "MIJNHOST_API_KEY: the API key"},
		"second base URL without TLS":         {"", []string{"--realtimeregister-base-url=http://api.yoursrs.com"}, "--realtimeregister-base-url must be an https URL"},
		"invalid namespace":                   {"", []string{"--lease-namespace=A_B"}, "--lease-namespace must be a valid namespace name"},
		"unexpected argument":                 {"", []string{"x"}, "unknown command"},
		"unknown flag":                        {"", []string{"--mijnhost"}, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := newCommand(func(name string) string { return map[string]string{keyEnvironment: c.environment}[name] })
			cmd.SetArgs(c.args)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			err := cmd.ExecuteContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// Keys in Secrets often end in a newline. The only error is the invalid namespace.
func TestServer_KeyWithNewline(t *testing.T) {
	t.Parallel()
	cmd := newCommand(func(name string) string {
		return map[string]string{keyEnvironment: "key\n", realtimeRegisterKeyEnvironment: " key\n", leaseNamespaceEnvironment: "A_B"}[name]
	})
	cmd.SetArgs([]string{})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--lease-namespace") {
		t.Errorf("got %v, want an error about --lease-namespace", err)
	}
}

func TestValidateBaseURL(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{
		"https://mijn.host/api/v2": true, "http://127.0.0.1:8080/api/v2": true, "http://127.9.8.7/": true,
		"http://localhost:1": true, "http://[::1]:1": true,
		"http://mijn.host": false, "http://localhost.example.nl": false, "http://127.0.0.1.example.nl": false, "http://10.0.0.1": false,
		"https://user@mijn.host": false, "https://mijn.host?a=b": false, "https://mijn.host#a": false, "ftp://127.0.0.1": false, "https://": false, "": false,
	} {
		if err := validateBaseURL(text); (err == nil) != valid {
			t.Errorf("%q: got error %v, want valid %v", text, err, valid)
		}
	}
}

// TestUserAgent uses the solver that the server runs.
func TestUserAgent(t *testing.T) {
	t.Parallel()
	api := mijnhosttest.Start(t, mijnhosttest.Options{})
	api.AddAccount("key", "example.nl")
	s := settings{ambientAPIKey: "key", mijnhostBaseURL: api.URL()}
	solvers, err := s.solvers(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := solvers[0].Present(newAmbientChallenge()); err != nil {
		t.Fatal(err)
	}
	for _, r := range api.Requests() {
		if want := "cert-manager-webhook-mijn-host/" + version + " (commit " + commit + "; built " + date + ")"; r.Header.Get("User-Agent") != want {
			t.Errorf("User-Agent: got %q, want %q", r.Header.Get("User-Agent"), want)
		}
	}
	if api.Calls() == 0 {
		t.Error("got no calls")
	}
}

// Both solvers obey the settings, each with the TTL limits of its host.
func TestSolvers_Settings(t *testing.T) {
	t.Parallel()
	solvers, err := settings{allowedDomains: []string{"other.nl"}}.solvers(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	for i, errs := range [][2]string{
		{"is not in the webhook's --allowed-domains", "ttl must be a number of seconds from 1 to 2147483647"},
		{"is not in the webhook's --allowed-domains", "ttl must be a number of seconds from 60 to 2419200"},
	} {
		ch := newAmbientChallenge()
		for _, want := range errs {
			if err := solvers[i].Present(ch); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", solvers[i].Name(), err, want)
			}
			ch.ResolvedFQDN, ch.ResolvedZone = "_acme-challenge.other.nl.", "other.nl."
			ch.Config = &apiextensionsv1.JSON{Raw: []byte(`{"ttl":0}`)}
		}
	}
}

// Each solver, initialized alone, lists the cluster's Challenges and takes Leases. mijn.host's does not replace a value that
// another challenge needs.
func TestSolvers_UseTheCluster(t *testing.T) {
	t.Parallel()
	for index, wantError := range []string{"another challenge is using this DNS name: team-a/other", ""} {
		mijn, realtime, leases := mijnhosttest.Start(t, mijnhosttest.Options{}), rtrtest.Start(t, rtrtest.Options{}), leasetest.Start(t)
		mijn.AddAccount("key", "example.nl")
		mijn.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: "delegated.example.nl.", Value: "other", TTL: 300})
		realtime.AddAccount("reseller", "key")
		realtime.AddZone("reseller", rtrtest.Zone{Name: "example.nl", Records: []string{rtrtest.Record("example.nl", "A", "192.0.2.1", 300)}})
		realtime.DeclareChallenge("delegated.example.nl")
		listed := make(chan struct{}, 10)
		cluster := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/apis/acme.cert-manager.io/v1/challenges" {
				leases.ServeHTTP(w, r)
				return
			}
			listed <- struct{}{}
			_, _ = fmt.Fprint(w, `{"items":[{"metadata":{"namespace":"team-a","name":"other"},"spec":{"type":"DNS-01","key":"other"}}]}`)
		}))
		t.Cleanup(cluster.Close)
		solvers, err := settings{
			ambientAPIKey: "key", mijnhostBaseURL: mijn.URL(), realtimeRegisterAPIKey: "key", realtimeRegisterBaseURL: realtime.URL(),
			leaseNamespace: "webhook",
		}.solvers(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		solver := solvers[index]
		config := &rest.Config{Host: cluster.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
		if err := solver.Initialize(config, t.Context().Done()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-listed:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: no list of Challenges in 10 s", solver.Name())
		}
		challenge := newAmbientChallenge()
		challenge.ResolvedFQDN = "delegated.example.nl."
		if err := solver.Present(challenge); wantError == "" && err != nil || wantError != "" && (err == nil || !strings.HasSuffix(err.Error(), wantError)) {
			t.Errorf("%s: got %v, want %q", solver.Name(), err, wantError)
		}
		if taken := leases.Leases(); len(taken) != 1 || taken[0].Namespace != "webhook" {
			t.Errorf("%s: got Leases %v, want one in the namespace webhook", solver.Name(), taken)
		}
	}
}

// In the domains of --mijnhost-patch-adds, challenges for one name do not take turns.
func TestSolvers_PatchAdds(t *testing.T) {
	t.Parallel()
	api := mijnhosttest.Start(t, mijnhosttest.Options{Patch: mijnhosttest.PatchAdds})
	api.AddAccount("key", "example.nl", "other.nl")
	solvers, err := settings{ambientAPIKey: "key", mijnhostBaseURL: api.URL(), mijnhostPatchAdds: []string{"example.nl"}}.solvers(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	for domain, isAdded := range map[string]bool{"example.nl": true, "other.nl": false} {
		api.AddRecord(domain, mijnhosttest.Record{Type: "TXT", Name: "_acme-challenge." + domain + ".", Value: "of-another-challenge", TTL: 60})
		ch := newAmbientChallenge()
		ch.DNSName, ch.ResolvedFQDN, ch.ResolvedZone = domain, "_acme-challenge."+domain+".", domain+"."
		if err := solvers[0].Present(ch); (err == nil) != isAdded {
			t.Errorf("%s: got %v, want success: %v", domain, err, isAdded)
		}
	}
}

// Each call to a DNS host has a span. The host gets no trace headers.
func TestTraced(t *testing.T) {
	t.Parallel()
	var sent http.Header
	transport := traced(roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = r.Header
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}))
	spans := &spanNames{}
	ctx := trace.ContextWithSpan(t.Context(), sampledSpan{provider: spans})
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, "https://mijn.host/api/v2/domains/example.nl/dns", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if want := []string{"PATCH mijn.host"}; !slices.Equal(spans.names, want) || sent.Get("Traceparent") != "" {
		t.Errorf("got spans %q and headers %v, want %q and no Traceparent", spans.names, sent, want)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// spanNames collects the names of started spans.
type spanNames struct {
	noop.TracerProvider
	names []string
}

func (s *spanNames) Tracer(string, ...trace.TracerOption) trace.Tracer { return spanStarter{to: s} }

type spanStarter struct {
	noop.Tracer
	to *spanNames
}

func (s spanStarter) Start(ctx context.Context, name string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s.to.names = append(s.to.names, name)
	span := sampledSpan{provider: s.to}
	return trace.ContextWithSpan(ctx, span), span
}

// sampledSpan is a span that the caller sampled.
type sampledSpan struct {
	noop.Span
	provider *spanNames
}

func (sampledSpan) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
}

func (s sampledSpan) TracerProvider() trace.TracerProvider { return s.provider }

// TestKeySentOnlyToItsHost runs both solvers in one process, with ambient keys.
func TestKeySentOnlyToItsHost(t *testing.T) {
	t.Parallel()
	const mijnhostKey, realtimeKey = "key-of-mijn-host", "key-of-realtime-register"
	mijn, realtime, cluster := mijnhosttest.Start(t, mijnhosttest.Options{}), rtrtest.Start(t, rtrtest.Options{}), leasetest.Start(t)
	mijn.AddAccount(mijnhostKey, "example.nl")
	realtime.AddAccount("reseller", realtimeKey)
	realtime.AddZone("reseller", rtrtest.Zone{Name: "example.nl", Records: []string{rtrtest.Record("example.nl", "A", "192.0.2.1", 300)}})
	realtime.DeclareChallenge("_acme-challenge.example.nl")
	s := settings{
		ambientAPIKey: mijnhostKey, mijnhostBaseURL: mijn.URL(), realtimeRegisterAPIKey: realtimeKey, realtimeRegisterBaseURL: realtime.URL(),
		leaseNamespace: "webhook", domainLabel: true,
	}
	registry := prometheus.NewRegistry()
	solvers, err := s.solvers(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, solver := range solvers {
		if err := solver.Initialize(cluster.Config(nil), t.Context().Done()); err != nil {
			t.Fatal(err)
		}
		if err := solver.Present(newAmbientChallenge()); err != nil {
			t.Errorf("%s: %v", solver.Name(), err)
		}
		if err := solver.CleanUp(newAmbientChallenge()); err != nil {
			t.Errorf("%s: %v", solver.Name(), err)
		}
	}
	for _, r := range mijn.Requests() {
		if text := fmt.Sprint(r.Header, string(r.Body), r.Path); strings.Contains(text, realtimeKey) || !strings.Contains(text, mijnhostKey) {
			t.Errorf("mijn.host received %s, want only its own key", text)
		}
	}
	for _, r := range realtime.Requests() {
		if text := fmt.Sprint(r.Header, string(r.Body), r.Path); strings.Contains(text, mijnhostKey) || !strings.Contains(text, realtimeKey) {
			t.Errorf("Realtime Register received %s, want only its own key", text)
		}
	}
	if mijn.Calls() == 0 || realtime.Calls() == 0 {
		t.Errorf("got %d calls to mijn.host and %d to Realtime Register, want both", mijn.Calls(), realtime.Calls())
	}
	counted := sums(t, registry)
	if _, ok := counted["mijn_host_webhook_build_info of "]; !ok {
		t.Error("the metrics lack mijn_host_webhook_build_info")
	}
	for provider, calls := range map[string]int{"mijn-host": mijn.Calls(), "realtime-register": len(realtime.Requests())} {
		if got := counted["mijn_host_webhook_api_calls_total of "+provider]; got != float64(calls) {
			t.Errorf("%[2]s: got %[1]v calls in the metrics, want %[3]d", got, provider, calls)
		}
		if got := counted["mijn_host_webhook_challenges_total of "+provider+" at example.nl"]; got != 2 {
			t.Errorf("%[2]s: got %[1]v challenges in the metrics, want 2", got, provider)
		}
	}
}

// sums returns the sum of each counter per DNS host, and per domain if the metric has one.
func sums(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range m.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			name := family.GetName() + " of " + labels["provider"]
			if domain := labels["domain"]; domain != "" {
				name += " at " + domain
			}
			all[name] += m.GetCounter().GetValue()
		}
	}
	return all
}

// newAmbientChallenge returns a challenge of an Issuer that names no Secret.
func newAmbientChallenge() *whapi.ChallengeRequest {
	return &whapi.ChallengeRequest{
		DNSName: "example.nl", Key: "value", ResolvedFQDN: "_acme-challenge.example.nl.", ResolvedZone: "example.nl.", AllowAmbientCredentials: true,
	}
}
