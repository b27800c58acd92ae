// Package conformance runs cert-manager's conformance suite for DNS-01 webhooks.
package conformance

import (
	"testing"
	"time"

	acmetest "github.com/cert-manager/cert-manager/test/acme"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	_ "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/conformance/assets"
)

func TestConformance(t *testing.T) {
	if _, err := binaries.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := mijnhosttest.Start(t, mijnhosttest.Options{Patch: mijnhosttest.PatchAdds})
	api.AddAccount("key-of-the-conformance-suite", "example.nl")

	challenges := &solver.Challenges{}
	acmetest.NewFixture(
		solver.New(solver.Options{
			Name:       "mijn-host",
			Provider:   mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), Needed: challenges.Needed}),
			Challenges: challenges,
		}),
		acmetest.SetStrict(true),
		acmetest.SetManifestPath("../../../testdata/mijn-host"),
		acmetest.SetResolvedZone("example.nl."),
		acmetest.SetDNSName("example.nl"),
		acmetest.SetDNSServer(api.DNSAddr()),
		acmetest.SetUseAuthoritative(false), // The zone's nameservers would be queried on port 53.
		acmetest.SetPollInterval(50*time.Millisecond),
		acmetest.SetPropagationLimit(10*time.Second),
	).RunConformance(t)

	if left := api.Records("example.nl"); len(left) > 0 {
		t.Errorf("records left: %v", left)
	}
}
