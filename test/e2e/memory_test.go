package e2e

import (
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// testIdleMemory enforces the memory of an idle webhook in docs/explanation/performance.md.
func (s *suite) testIdleMemory(t *testing.T) {
	const most = 14 << 20
	s.readyPod(t)
	started := s.webhookMemory(t)
	before := s.addDomain(mijnHostKey, "memory.nl")
	issuer := s.clusterIssuer(t, "memory", cluster.WithoutSelfCheck)
	s.requireCertificate(t, soon, cluster.NewCertificate("default", "memory", issuer, "memory.nl", "*.memory.nl"))
	s.requireUntouched(t, "memory.nl", before)
	issued := s.webhookMemory(t)
	t.Logf("anonymous memory: %d KiB when ready, %d KiB after a certificate", started>>10, issued>>10)
	if started > most || issued > most {
		t.Errorf("want at most %d KiB", most>>10)
	}
}
