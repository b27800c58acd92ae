package conformance

import (
	"testing"
	"time"

	acmetest "github.com/cert-manager/cert-manager/test/acme"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

// TestRealtimeRegisterConformance uses real Leases in the suite's API server.
func TestRealtimeRegisterConformance(t *testing.T) {
	if _, err := binaries.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := realtimeregistertest.Start(t, realtimeregistertest.Options{})
	api.AddAccount("reseller", "key-of-the-conformance-suite")
	others := []string{realtimeregistertest.Record("example.nl", "A", "192.0.2.1", 300)}
	zone := api.AddZone("reseller", realtimeregistertest.Zone{Name: "example.nl", Records: others})
	for _, name := range []string{"example.nl", "cert-manager-dns01-tests.example.nl"} {
		api.DeclareChallenge(name)
	}
	leases := kubelease.New("default")

	acmetest.NewFixture(
		solver.New(solver.Options{
			Name:    "realtime-register",
			Connect: leases.Connect,
			Config:  solver.ConfigRules{MinTTL: realtimeregister.MinTTL, MaxTTL: realtimeregister.MaxTTL, Services: realtimeregister.Services()},
			Provider: realtimeregister.NewProvider(realtimeregister.Options{
				BaseURL: api.URL(), Leases: leases,
			}),
		}),
		acmetest.SetStrict(true),
		acmetest.SetManifestPath("../../../testdata/realtime-register"),
		acmetest.SetResolvedZone("example.nl."),
		acmetest.SetDNSName("example.nl"),
		acmetest.SetDNSServer(api.DNSAddr()),
		acmetest.SetUseAuthoritative(false), // The zone's nameservers would be queried on port 53.
		acmetest.SetPollInterval(50*time.Millisecond),
		acmetest.SetPropagationLimit(10*time.Second),
	).RunConformance(t)

	if left := api.Records(zone); len(left) != len(others) {
		t.Errorf("records left: %v", left)
	}
}
