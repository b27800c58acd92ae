// Package conformance runs cert-manager's conformance suite for DNS-01 webhooks.
package conformance

import (
	"context"
	"log"
	"os"
	"testing"
	"time"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook"
	acmetest "github.com/cert-manager/cert-manager/test/acme"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	_ "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/conformance/assets"
)

// TestMain builds the programs, so that no test uses old ones.
func TestMain(m *testing.M) {
	if err := binaries.Build(context.Background(), func(int, int) {}); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

func TestConformance(t *testing.T) {
	api := mijnhosttest.Start(t, mijnhosttest.Options{Patch: mijnhosttest.PatchAdds})
	api.AddAccount("key-of-the-conformance-suite", "example.nl")

	challenges := &solver.Challenges{}
	runConformance(t, solver.New(solver.Options{
		Name:       "mijn-host",
		Provider:   mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), Needed: challenges.Needed}),
		Challenges: challenges,
	}), "mijn-host", api.DNSAddr())

	if left := api.Records("example.nl"); len(left) > 0 {
		t.Errorf("got records %v, want none", left)
	}
}

// runConformance runs the suite in strict mode for example.nl. dnsServer is authoritative for it.
func runConformance(t *testing.T, s webhook.Solver, manifests, dnsServer string) {
	t.Helper()
	acmetest.NewFixture(s,
		acmetest.SetStrict(true),
		acmetest.SetManifestPath("../../../testdata/"+manifests),
		acmetest.SetResolvedZone("example.nl."),
		acmetest.SetDNSName("example.nl"),
		acmetest.SetDNSServer(dnsServer),
		acmetest.SetUseAuthoritative(false), // it would query the zone's nameservers on port 53
		acmetest.SetPollInterval(50*time.Millisecond),
		acmetest.SetPropagationLimit(10*time.Second),
	).RunConformance(t)
}
