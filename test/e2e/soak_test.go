package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestSoak renews certificates continuously for SOAKTIME (10s) while the simulator injects faults. In the end every certificate
// is issued, each zone is unchanged, and the webhook's memory has grown by at most 20 MiB.
// `make soak` renews SOAK_CERTIFICATES=50 certificates for ten minutes.
func TestSoak(t *testing.T) {
	t.Parallel()
	const apiKey = "key-of-the-soak-test"
	duration := 10 * time.Second
	if text := os.Getenv("SOAKTIME"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	certificates := number(t, "SOAK_CERTIFICATES", 5)

	s := newSuite(t)
	if err := s.InstallWebhook(withLimit(t, 2*time.Minute), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	s.api.Reconfigure(func(o *mijnhosttest.Options) { o.RequestLogLimit = 1000 })

	end := time.Now().Add(duration)
	stopFaults := s.injectFaults(end)
	var renewing sync.WaitGroup
	var renewals atomic.Int32
	memory := make([]int, 0, 2)
	zones := map[string][]mijnhosttest.Record{}
	for i := range certificates {
		name := fmt.Sprintf("soaked-%d", i)
		domain := fmt.Sprintf("soaked-%d.nl", i/2) // two certificates a zone
		if i%2 == 0 {
			zones[domain] = s.addDomain(apiKey, domain)
		}
		renewing.Go(func() {
			certificate := cluster.NewCertificate("default", name, issuer, name+"."+domain, "*."+name+"."+domain)
			if err := s.Client.Create(t.Context(), certificate); err != nil {
				t.Error(err)
				return
			}
			for {
				if err := s.issued(t, certificate); err != nil {
					t.Error(err)
					return
				}
				renewals.Add(1)
				if !time.Now().Before(end) {
					return
				}
				if err := s.renew(t, certificate); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	s.await(t, 5*time.Minute, func(context.Context) error {
		if renewals.Load() < int32(certificates) {
			return errors.New("some certificates have not been issued yet")
		}
		return nil
	})
	memory = append(memory, s.webhookMemory(t))
	renewing.Wait()
	stopFaults()
	memory = append(memory, s.webhookMemory(t))
	t.Logf("%d certificates issued; anonymous memory %d KiB after the first of each, %d KiB at the end",
		renewals.Load(), memory[0]>>10, memory[1]>>10)
	if memory[1]-memory[0] > 20<<20 {
		t.Errorf("memory grew by %d KiB, want at most 20 MiB", (memory[1]-memory[0])>>10)
	}
	for domain, before := range zones {
		s.requireUntouchedWithin(t, soon, domain, before)
	}
}

func (s *suite) webhookMemory(t *testing.T) int {
	t.Helper()
	memory, err := s.WebhookMemory()
	if err != nil {
		t.Error(err)
	}
	return memory
}

// renew makes cert-manager reissue a certificate.
func (s *suite) renew(t *testing.T, certificate *cmv1.Certificate) error {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: certificate.Namespace, Name: certificate.Spec.SecretName}}
	return s.Client.Delete(t.Context(), secret)
}

// issued waits for the Secret and the Ready condition, because a Certificate can still be Ready just after its Secret was
// deleted.
func (s *suite) issued(t *testing.T, certificate *cmv1.Certificate) error {
	t.Helper()
	ctx := withLimit(t, 30*time.Minute)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: certificate.Namespace, Name: certificate.Spec.SecretName}}
	if err := s.Await(ctx, secret, func() error { return nil }); err != nil {
		return err
	}
	_, err := s.AwaitReady(ctx, certificate)
	return err
}

// injectFaults injects random faults into the API until stop is called or the time is up.
func (s *suite) injectFaults(end time.Time) (stop func()) {
	kinds := []mijnhosttest.Kind{
		mijnhosttest.RateLimited(mijnhosttest.InSeconds(2 * time.Second)), mijnhosttest.Status(500), mijnhosttest.HTMLPage(502),
		mijnhosttest.Unavailable(nil), mijnhosttest.DropBefore(), mijnhosttest.DropAfter(), mijnhosttest.Truncated(),
		mijnhosttest.Malformed(), mijnhosttest.Slow(2 * time.Second), mijnhosttest.ShortRead(), mijnhosttest.EmptyRead(),
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	var running sync.WaitGroup
	running.Go(func() {
		defer s.api.ClearFaults()
		next := time.NewTicker(3 * time.Second)
		defer next.Stop()
		for {
			s.api.ClearFaults()
			s.api.Inject(mijnhosttest.Fault{Kind: kinds[rand.N(len(kinds))], Times: 1 + rand.N(3)})
			select {
			case <-next.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); running.Wait() }
}
