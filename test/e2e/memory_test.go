package e2e

import (
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestIdleMemory enforces the memory of an idle webhook in docs/explanation/performance.md.
func TestIdleMemory(t *testing.T) {
	const most = 14 << 20
	const apiKey = "key-of-the-memory-test"
	s := newSuite(t)
	if err := s.InstallWebhook(withLimit(t, 2*time.Minute), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.readyPod(t)
	started, err := s.WebhookMemory()
	if err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	before := s.addDomain(apiKey, "memory.nl")
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	s.requireCertificate(t, soon, cluster.NewCertificate("default", "memory", issuer, "memory.nl", "*.memory.nl"))
	s.requireUntouched(t, "memory.nl", before)
	issued, err := s.WebhookMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("anonymous memory: %d KiB when ready, %d KiB after a certificate", started>>10, issued>>10)
	if started > most || issued > most {
		t.Errorf("want at most %d KiB", most>>10)
	}
}
