package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// number returns an integer from the environment, or a default.
func number(t *testing.T, name string, byDefault int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

const terminationKey = "key-of-the-termination-test"

// TestTermination stops the webhook while cert-manager issues certificates.
func TestTermination(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	if err := s.InstallWebhook(withLimit(t, startLimit), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", terminationKey))
	t.Run("SIGTERM", s.testSIGTERM)
	t.Run("SIGKILL", s.testSIGKILL)
}

// testSIGTERM: the call in flight succeeds, and the process exits with 0.
func (s *suite) testSIGTERM(t *testing.T) {
	issuer := s.clusterIssuer(t, "sigterm", cluster.WithoutSelfCheck)
	before := s.addDomain(terminationKey, "sigterm.nl")
	// A slow PATCH, during which the process gets SIGTERM.
	s.api.Inject(mijnhosttest.Fault{Op: mijnhosttest.OpPatchRecord, Kind: mijnhosttest.Slow(4 * time.Second), Times: 1})
	pod := s.readyPod(t)
	pid, err := s.WebhookPID()
	if err != nil {
		t.Fatal(err)
	}
	certificate := cluster.NewCertificate("default", "sigterm", issuer, "sigterm.nl")
	s.create(t, certificate)
	s.await(t, soon, func(context.Context) error {
		if s.api.CallsOf(mijnhosttest.OpPatchRecord) == 0 {
			return errors.New("no PATCH yet")
		}
		return nil
	})
	if err = syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.await(t, soon, func(ctx context.Context) error {
		if getErr := s.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); getErr != nil {
			return getErr
		}
		for _, status := range pod.Status.ContainerStatuses {
			if ended := status.LastTerminationState.Terminated; ended != nil {
				if ended.ExitCode != 0 {
					t.Errorf("got exit code %d, want 0", ended.ExitCode)
				}
				return nil
			}
		}
		return errors.New("the process is still running")
	})
	if n := s.api.CallsOf(mijnhosttest.OpPatchRecord); n != 1 {
		t.Errorf("got %d PATCH calls, want 1", n)
	}
	s.requireReady(t, soon, certificate)
	// cert-manager retries a clean-up that meets the restart.
	s.requireUntouchedWithin(t, soon, "sigterm.nl", before)
	// The Challenge is deleted a moment after the record.
	s.await(t, soon, func(ctx context.Context) error {
		challenges, err := s.Challenges(ctx, "default")
		if err == nil && len(challenges) > 0 {
			err = fmt.Errorf("challenges left: %v", challenges)
		}
		return err
	})
}

// testSIGKILL kills the webhook CRASHES times (5) at random moments. Every certificate is issued, and no record is left.
func (s *suite) testSIGKILL(t *testing.T) {
	const atOnce = 6 // certificates in progress
	crashes := number(t, "CRASHES", 5)
	issuer := s.clusterIssuer(t, "sigkill", cluster.WithoutSelfCheck)
	// Calls take long enough to be interrupted.
	s.api.Reconfigure(func(o *mijnhosttest.Options) { o.Latency = 300 * time.Millisecond })

	done := make(chan struct{})
	var issuing sync.WaitGroup
	var mu sync.Mutex
	issued := 0
	for worker := range atOnce {
		issuing.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-done:
					return
				default:
				}
				name := fmt.Sprintf("crash-%d-%d", worker, round)
				domain := name + ".nl"
				before := s.addDomain(terminationKey, domain)
				certificate := cluster.NewCertificate("default", name, issuer, domain, "*."+domain)
				if err := s.Client.Create(t.Context(), certificate); err != nil {
					t.Error(err)
					return
				}
				// cert-manager's back-off doubles with each interrupted call.
				if _, err := s.AwaitReady(withLimit(t, 20*time.Minute), certificate); err != nil {
					t.Error(err)
					return
				}
				s.requireUntouchedWithin(t, 20*time.Minute, domain, before)
				mu.Lock()
				issued++
				mu.Unlock()
			}
		})
	}
	for range crashes {
		s.crash(t, rand.N(3*time.Second))
	}
	close(done)
	issuing.Wait()
	t.Logf("%d crashes, %d certificates of two names", crashes, issued)
	if issued == 0 {
		t.Error("got no certificate")
	}
}

// crash kills the webhook some time after it has become ready. It also deletes the pod, because the node would back off before
// it restarts the container.
func (s *suite) crash(t *testing.T, after time.Duration) {
	t.Helper()
	pod := s.readyPod(t)
	select {
	case <-time.After(after):
	case <-t.Context().Done():
		return
	}
	pid, err := s.WebhookPID()
	if err != nil {
		t.Fatal(err)
	}
	if err = syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err = s.Client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
}

// readyPod waits until the webhook's only pod is ready.
func (s *suite) readyPod(t *testing.T) *corev1.Pod {
	t.Helper()
	var ready *corev1.Pod
	s.await(t, soon, func(ctx context.Context) error {
		pods, err := s.WebhookPods(ctx)
		if err != nil {
			return err
		}
		for _, pod := range pods {
			for _, condition := range pod.Status.Conditions {
				if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil {
					ready = &pod
					return nil
				}
			}
		}
		return errors.New("no pod of the webhook is ready")
	})
	return ready
}
