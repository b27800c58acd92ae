package main

import (
	"fmt"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"

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
		"base URL without scheme":     {"", []string{"--mijnhost-base-url=mijn.host"}, "must be an https URL"},
		"base URL without TLS":        {"", []string{"--mijnhost-base-url=http://mijn.host/api/v2"}, "http is allowed for loopback addresses only"},
		"invalid domain":              {"", []string{"--allowed-domains=a..nl"}, "--allowed-domains"},
		"invalid API key":             {key, nil, "MIJNHOST_API_KEY: the API key"},
		"second base URL without TLS": {"", []string{"--realtimeregister-base-url=http://api.yoursrs.com"}, "--realtimeregister-base-url must be an https URL"},
		"invalid namespace":           {"", []string{"--lease-namespace=A_B"}, "--lease-namespace must be a valid namespace name"},
		"unexpected argument":         {"", []string{"x"}, "unknown command"},
		"unknown flag":                {"", []string{"--mijnhost"}, "unknown flag"},
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

func TestValidateBaseURL(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{
		"https://mijn.host/api/v2": true, "http://127.0.0.1:8080/api/v2": true, "http://127.9.8.7/": true,
		"http://localhost:1": true, "http://[::1]:1": true,
		"http://mijn.host": false, "http://localhost.example.nl": false, "http://127.0.0.1.example.nl": false, "http://10.0.0.1": false,
		"https://user@mijn.host": false, "https://mijn.host?a=b": false, "ftp://127.0.0.1": false, "https://": false, "": false,
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
		leaseNamespace: "webhook",
	}
	solvers, err := s.solvers(prometheus.NewRegistry())
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
}

// newAmbientChallenge returns a challenge of an Issuer that names no Secret.
func newAmbientChallenge() *whapi.ChallengeRequest {
	return &whapi.ChallengeRequest{
		DNSName: "example.nl", Key: "value", ResolvedFQDN: "_acme-challenge.example.nl.", ResolvedZone: "example.nl.", AllowAmbientCredentials: true,
	}
}
