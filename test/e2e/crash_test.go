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

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// number is a setting of a test from the environment.
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

// TestACrashCostsNothing kills the webhook at random moments while certificates are issued, CRASHES times (10). Every
// certificate comes, and nothing is left behind.
func TestACrashCostsNothing(t *testing.T) {
	t.Parallel()
	const (
		apiKey = "key-of-the-unlucky"
		// atOnce certificates are on their way at any moment.
		atOnce = 6
	)
	crashes := number(t, "CRASHES", 10)
	s := newSuite(t)
	if err := s.InstallWebhook(within(t, 2*time.Minute), s.Webhook(s.api.URL())); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	// A call takes long enough to be hit in its middle.
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
				// cert-manager's back-off doubles with each attempt that a crash has spoilt, to present and to clean up.
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
		t.Error("no certificate came")
	}
}

// crash kills the webhook that long after it has become ready. Its pod is deleted with it, for the node would wait longer
// and longer before it starts the container again.
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

// readyPod waits for the webhook's one pod to be ready.
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

// TestSIGTERMWaitsForCallsInFlight: a call that has begun ends well, and the process ends with 0.
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
	// The answer to PATCH takes its time, and in that time the process is told to end.
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
					t.Errorf("the process ended with %d", ended.ExitCode)
				}
				return nil
			}
		}
		return errors.New("the process has not ended")
	})
	if n := s.api.CallsOf(mijnhosttest.OpPatchRecord); n != 1 {
		t.Errorf("%d PATCHes, want the one that was waited for", n)
	}
	s.requireReady(t, soon, certificate)
	// A clean-up that meets the restart is tried again after cert-manager's back-off.
	s.requireUntouchedWithin(t, soon, "patient.nl", before)
	// The Challenge goes a moment after the record.
	s.await(t, soon, func(ctx context.Context) error {
		challenges, err := s.Challenges(ctx, "default")
		if err == nil && len(challenges) > 0 {
			err = fmt.Errorf("challenges left: %v", challenges)
		}
		return err
	})
}
