package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestCNAMEsToOneName issues certificates for DNS names whose CNAMEs point to the same FQDN, through two replicas, where
// PATCH replaces and where it adds. `make cnames` uses CNAMES=20 names; cert-manager's back-off doubles up to 30 minutes.
func TestCNAMEsToOneName(t *testing.T) {
	t.Parallel()
	names := number(t, "CNAMES", 2)
	const apiKey = "key-of-the-target"
	s := newSuite(t)
	if err := s.InstallWebhook(withLimit(t, startLimit), s.Webhook(s.api.URL(), "replicaCount=2")); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	s.api.AddAccount(apiKey, "target.nl")
	s.api.SetRecords("target.nl", []mijnhosttest.Record{{Type: "A", Name: "target.nl.", Value: "192.0.2.10", TTL: 3600}})
	before := s.api.Records("target.nl")
	for _, reading := range []mijnhosttest.PatchReading{mijnhosttest.PatchReplaces, mijnhosttest.PatchAdds} {
		t.Run(fmt.Sprintf("PATCH %s", reading), func(t *testing.T) {
			s.api.Reconfigure(func(o *mijnhosttest.Options) { o.Patch = reading })
			start := time.Now()
			var all sync.WaitGroup
			for i := range names {
				name := fmt.Sprintf("%s-%d.example", reading, i)
				s.api.AddStaticZone(name, mijnhosttest.Record{Type: "CNAME", Name: "_acme-challenge", Value: "all.target.nl.", TTL: 60})
				certificate := cluster.NewCertificate("default", fmt.Sprintf("%s-%d", reading, i), issuer, name)
				s.create(t, certificate)
				all.Go(func() {
					if _, err := s.AwaitReady(withLimit(t, 5*time.Hour), certificate); err != nil {
						t.Error(err)
						return
					}
					t.Logf("%s: after %s", name, time.Since(start).Round(time.Second))
				})
			}
			all.Wait()
			s.requireUntouched(t, "target.nl", before)
		})
	}
}
