package conformance

import (
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// TestRealtimeRegisterConformance uses real Leases in the suite's API server.
func TestRealtimeRegisterConformance(t *testing.T) {
	api := realtimeregistertest.Start(t, realtimeregistertest.Options{})
	api.AddAccount("reseller", "key-of-the-conformance-suite")
	others := []string{realtimeregistertest.Record("example.nl", "A", "192.0.2.1", 300)}
	zone := api.AddZone("reseller", realtimeregistertest.Zone{Name: "example.nl", Records: others})
	for _, name := range []string{"example.nl", "cert-manager-dns01-tests.example.nl"} {
		api.DeclareChallenge(name)
	}
	leases := kubelease.New("default")

	runConformance(t, solver.New(solver.Options{
		Name:    "realtime-register",
		Connect: leases.Connect,
		Config:  solver.ConfigRules{MinTTL: realtimeregister.MinTTL, MaxTTL: realtimeregister.MaxTTL, Services: realtimeregister.Services()},
		Provider: realtimeregister.NewProvider(realtimeregister.Options{
			BaseURL: api.URL(), Leases: leases,
		}),
	}), "realtime-register", api.DNSAddr())

	if left := api.Records(zone); len(left) != len(others) {
		t.Errorf("got records %v, want only the original", left)
	}
}
