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

// number returns an integer setting from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestCrash kills the webhook at random moments while certificates are issued, CRASHES times (10). Every certificate is
// issued, and no record is left.
func TestCrash(t *testing.T) {
	t.Parallel()
	const (
		apiKey = "key-of-the-unlucky"
		// atOnce is the number of certificates being issued at any moment.
		atOnce = 6
	)
	crashes := number(t, "CRASHES", 10)
	s := newSuite(t)
	if err := s.InstallWebhook(within(t, 2*time.Minute), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
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
				name := fmt.Sprintf("unlucky-%d-%d", worker, round)
				domain := name + ".nl"
				before := s.addDomain(apiKey, domain)
				certificate := cluster.NewCertificate("default", name, issuer, domain, "*."+domain)
				if err := s.Client.Create(t.Context(), certificate); err != nil {
					t.Error(err)
					return
				}
				// cert-manager's back-off doubles with each call that a crash has interrupted.
				if _, err := s.AwaitReady(within(t, 20*time.Minute), certificate); err != nil {
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
		t.Error("no certificate was issued")
	}
}

// crash kills the webhook that long after it has become ready. It also deletes the pod, because the node would back off
// before it restarts the container.
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

// TestSIGTERMWaitsForCallsInFlight: a call in flight succeeds, and the process exits with 0.
func TestSIGTERMWaitsForCallsInFlight(t *testing.T) {
	t.Parallel()
	const apiKey = "key-of-the-patient"
	s := newSuite(t)
	if err := s.InstallWebhook(within(t, 2*time.Minute), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	before := s.addDomain(apiKey, "patient.nl")
	// The process gets SIGTERM while the PATCH is being answered slowly.
	s.api.Inject(mijnhosttest.Fault{Op: mijnhosttest.OpPatchRecord, Kind: mijnhosttest.Slow(4 * time.Second), Times: 1})
	pod := s.readyPod(t)
	pid, err := s.WebhookPID()
	if err != nil {
		t.Fatal(err)
	}
	certificate := cluster.NewCertificate("default", "patient", issuer, "patient.nl")
	s.create(t, certificate)
	s.await(t, soon, func(context.Context) error {
		if s.api.CallsOf(mijnhosttest.OpPatchRecord) == 0 {
			return errors.New("no PATCH has arrived")
		}
		return nil
	})
	if err = syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.await(t, soon, func(ctx context.Context) error {
		if unseen := s.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); unseen != nil {
			return unseen
		}
		for _, status := range pod.Status.ContainerStatuses {
			if ended := status.LastTerminationState.Terminated; ended != nil {
				if ended.ExitCode != 0 {
					t.Errorf("exit code %d, want 0", ended.ExitCode)
				}
				return nil
			}
		}
		return errors.New("the process is still running")
	})
	if n := s.api.CallsOf(mijnhosttest.OpPatchRecord); n != 1 {
		t.Errorf("%d PATCHes, want 1", n)
	}
	s.requireReady(t, soon, certificate)
	// A clean-up during the restart is retried after cert-manager's back-off.
	s.requireUntouchedWithin(t, soon, "patient.nl", before)
	// The Challenge is deleted a moment after the record.
	s.await(t, soon, func(ctx context.Context) error {
		challenges, err := s.Challenges(ctx, "default")
		if err == nil && len(challenges) > 0 {
			err = fmt.Errorf("challenges left: %v", challenges)
		}
		return err
	})
}
