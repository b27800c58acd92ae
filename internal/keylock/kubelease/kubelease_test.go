package kubelease_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
)

const key = "realtime-register example.nl 101"

// world is a cluster in virtual time.
type world struct {
	*testing.T
	*leasetest.Cluster
}

func inBubble(t *testing.T, test func(world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(world{t, leasetest.StartInMemory(t)}) })
}

func (w world) process() *kubelease.Leases {
	l := kubelease.New("webhook")
	if err := l.Connect(w.Config(nil)); err != nil {
		w.Fatal(err)
	}
	return l
}

func (w world) acquire(l *kubelease.Leases, timeout time.Duration) (keylock.Lease, error) {
	ctx, cancel := context.WithTimeout(w.Context(), timeout)
	defer cancel()
	return l.Acquire(ctx, key)
}

func (w world) must(l keylock.Lease, err error) keylock.Lease {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v", err)
	}
	return l
}

func TestAcquire_OneProcessAtATime(t *testing.T) {
	inBubble(t, func(w world) {
		one, other := w.process(), w.process()
		lease := w.must(w.acquire(one, time.Second))
		if _, err := w.acquire(other, 20*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("got error %v, want a deadline", err)
		}
		lease.Release("")
		w.must(w.acquire(other, time.Second))
	})
}

func TestNotes_ReachNextHolder(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		if lease.Notes() != "" {
			w.Errorf("new Lease: got notes %q, want none", lease.Notes())
		}
		if err := lease.Renew(w.Context(), "pending"); err != nil || lease.Notes() != "pending" {
			w.Errorf("got notes %q, error %v, want pending", lease.Notes(), err)
		}
		lease.Release("done")
		if next := w.must(w.acquire(w.process(), time.Second)); next.Notes() != "done" {
			w.Errorf("got notes %q, want done", next.Notes())
		}
	})
}

// TestAcquire_DeadHolder: a process takes over a Lease and its notes once it has seen it unchanged for 30 s, across attempts.
func TestAcquire_DeadHolder(t *testing.T) {
	inBubble(t, func(w world) {
		dead := w.must(w.acquire(w.process(), time.Second))
		if err := dead.Renew(w.Context(), "pending"); err != nil {
			w.Fatal(err)
		}
		start, survivor := time.Now(), w.process()
		if _, err := w.acquire(survivor, 20*time.Second); err == nil {
			w.Error("taken over too early")
		}
		lease := w.must(w.acquire(survivor, 20*time.Second))
		if elapsed := time.Since(start); elapsed < kubelease.Duration || elapsed > kubelease.Duration+2*time.Second {
			w.Errorf("taken over after %s, want %s", elapsed, kubelease.Duration)
		}
		if lease.Notes() != "pending" {
			w.Errorf("got notes %q, want pending", lease.Notes())
		}
		if err := dead.Renew(w.Context(), "mine"); !errors.Is(err, keylock.ErrLost) {
			w.Errorf("old holder: got error %v, want ErrLost", err)
		}
		dead.Release("mine")
		if err := lease.Renew(w.Context(), "pending"); err != nil {
			w.Errorf("new holder: %v", err)
		}
	})
}

func TestAcquire_RenewedLease(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		go func() {
			for range 10 {
				time.Sleep(20 * time.Second)
				_ = lease.Renew(context.Background(), "")
			}
		}()
		if _, err := w.acquire(w.process(), 3*time.Minute); err == nil {
			w.Error("the Lease was taken over")
		}
		time.Sleep(time.Minute)
	})
}

// TestAcquire_IgnoresOtherClocks: a Lease with a renewTime of last year is not free.
func TestAcquire_IgnoresOtherClocks(t *testing.T) {
	inBubble(t, func(w world) {
		w.must(w.acquire(w.process(), time.Second))
		w.Change(func(l *coordinationv1.Lease) { l.Spec.RenewTime.Time = time.Now().AddDate(-1, 0, 0) })
		if _, err := w.acquire(w.process(), 25*time.Second); err == nil {
			w.Error("the Lease was taken over")
		}
	})
}

// TestRenew_NoAnswer: a renewal without an answer loses the Lease. Release still gives it up unless another process has it.
func TestRenew_NoAnswer(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		w.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Late: time.Minute} })
		if err := lease.Renew(w.Context(), "pending"); !errors.Is(err, kubelease.ErrUnavailable) {
			w.Errorf("got error %v, want ErrUnavailable", err)
		}
		w.Inject(nil)
		lease.Release("released")
		if next := w.must(w.acquire(w.process(), time.Second)); next.Notes() != "released" {
			w.Errorf("got notes %q, want released", next.Notes())
		}
	})
}

// TestLeft_CountsFromBeforeRequest: the wait for the answer counts as time of the Lease.
func TestLeft_CountsFromBeforeRequest(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		w.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Late: 4 * time.Second} })
		if err := lease.Renew(w.Context(), ""); err != nil || lease.Left() != kubelease.Duration-4*time.Second {
			w.Errorf("got %s left, error %v, want %s", lease.Left(), err, kubelease.Duration-4*time.Second)
		}
		time.Sleep(kubelease.Duration)
		if lease.Left() > 0 {
			w.Errorf("got %s left after the end", lease.Left())
		}
	})
}

func TestRelease_DeletesLeaseAfterAnHour(t *testing.T) {
	inBubble(t, func(w world) {
		one, other := w.process(), w.process()
		w.must(w.acquire(one, time.Second)).Release("")
		time.Sleep(50 * time.Minute)
		w.must(w.acquire(other, time.Second)).Release("")
		time.Sleep(59 * time.Minute)
		if len(w.Leases()) != 1 {
			w.Error("the Lease was deleted although another process used it")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if left := w.Leases(); len(left) > 0 {
			w.Errorf("got Leases %v, want none", left)
		}
	})
}

func TestAcquire_Errors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		namespace string
		status    int
		want      error
	}{
		"no namespace":        {"", 0, kubelease.ErrNoNamespace},
		"forbidden":           {"webhook", http.StatusForbidden, kubelease.ErrForbidden},
		"Kubernetes API down": {"webhook", http.StatusInternalServerError, kubelease.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w world) {
				l := kubelease.New(c.namespace)
				if err := l.Connect(w.Config(nil)); err != nil {
					w.Fatal(err)
				}
				w.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: c.status} })
				if _, err := w.acquire(l, 20*time.Second); !errors.Is(err, c.want) {
					w.Errorf("got error %v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestAcquire_PassingFault(t *testing.T) {
	inBubble(t, func(w world) {
		times := 0
		w.Inject(func(leasetest.Request) leasetest.Fault {
			times++
			if times <= 2 {
				return leasetest.Fault{Status: http.StatusInternalServerError}
			}
			return leasetest.Fault{}
		})
		w.must(w.acquire(w.process(), 20*time.Second))
	})
}
