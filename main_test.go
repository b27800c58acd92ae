package main

import (
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestWhatTheServerRefusesAtItsStart(t *testing.T) {
	t.Parallel()
	const key = "a key with blanks"
	for name, c := range map[string]struct {
		environment string
		args        []string
		want        string
	}{
		"no address":                 {"", []string{"--mijnhost-base-url=mijn.host"}, "must be an https address"},
		"an address without TLS":     {"", []string{"--mijnhost-base-url=http://mijn.host/api/v2"}, "http is for loopback addresses only"},
		"no domain":                  {"", []string{"--allowed-domains=a..nl"}, "--allowed-domains"},
		"a key that cannot be sent":  {key, nil, "MIJNHOST_API_KEY: the API key"},
		"an argument":                {"", []string{"x"}, "unknown command"},
		"a flag that does not exist": {"", []string{"--mijnhost"}, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := newCommand(func(name string) string { return map[string]string{keyEnvironment: c.environment}[name] })
			cmd.SetArgs(c.args)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			err := cmd.ExecuteContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTheAddressOfTheAPI(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"https://mijn.host/api/v2": true, "http://127.0.0.1:8080/api/v2": true, "http://127.9.8.7/": true,
		"http://localhost:1": true, "http://[::1]:1": true,
		"http://mijn.host": false, "http://localhost.example.nl": false, "http://127.0.0.1.example.nl": false, "http://10.0.0.1": false,
		"https://user@mijn.host": false, "https://mijn.host?a=b": false, "ftp://127.0.0.1": false, "https://": false, "": false,
	} {
		if err := validateBaseURL(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestTheAPIIsToldWhoCalls, in the User-Agent of the very solver that the server runs.
func TestTheAPIIsToldWhoCalls(t *testing.T) {
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
		t.Error("no call was made")
	}
}

// newAmbientChallenge is one of an Issuer that names no Secret.
func newAmbientChallenge() *whapi.ChallengeRequest {
	return &whapi.ChallengeRequest{
		DNSName: "example.nl", Key: "value", ResolvedFQDN: "_acme-challenge.example.nl.", ResolvedZone: "example.nl.", AllowAmbientCredentials: true,
	}
}
