package kubelease_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
)

// TestRenew_AfterFailure: a lost Lease stays lost, even if the Kubernetes API would accept the next renewal.
func TestRenew_AfterFailure(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		w.Inject(func(leasetest.Request) leasetest.Fault {
			return leasetest.Fault{Status: http.StatusInternalServerError}
		})
		if err := lease.Renew(w.Context(), ""); !errors.Is(err, kubelease.ErrUnavailable) {
			w.Errorf("first renewal: got error %v, want ErrUnavailable", err)
		}
		w.Inject(nil)
		if err := lease.Renew(w.Context(), ""); !errors.Is(err, keylock.ErrLost) {
			w.Errorf("second renewal: got error %v, want ErrLost", err)
		}
	})
}

// TestRenew_RenewTime: users and other tools read renewTime.
func TestRenew_RenewTime(t *testing.T) {
	inBubble(t, func(w world) {
		lease := w.must(w.acquire(w.process(), time.Second))
		time.Sleep(10 * time.Second)
		if err := lease.Renew(w.Context(), ""); err != nil {
			w.Fatal(err)
		}
		if got := w.Leases()[0].Spec.RenewTime.Time; time.Since(got).Abs() > time.Millisecond {
			w.Errorf("renewTime: got %s, want %s", got, time.Now())
		}
	})
}

// TestAcquire_LongerLease: another version of the webhook may use a longer duration.
func TestAcquire_LongerLease(t *testing.T) {
	inBubble(t, func(w world) {
		w.must(w.acquire(w.process(), time.Second))
		w.Change(func(l *coordinationv1.Lease) { *l.Spec.LeaseDurationSeconds = 90 })
		survivor := w.process()
		if _, err := w.acquire(survivor, 85*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("before the end of the Lease: got error %v, want a deadline", err)
		}
		w.must(w.acquire(survivor, 10*time.Second))
	})
}

// TestAcquire_LostAnswer: a process whose own Create got no answer does not wait for that Lease to expire.
func TestAcquire_LostAnswer(t *testing.T) {
	inBubble(t, func(w world) {
		w.Inject(func(r leasetest.Request) leasetest.Fault {
			if r.Method == http.MethodPost {
				return leasetest.Fault{Late: time.Minute}
			}
			return leasetest.Fault{}
		})
		w.must(w.acquire(w.process(), 10*time.Second))
	})
}

// TestAcquire_FaultsBetweenPolls: only consecutive failures end the wait for a Lease.
func TestAcquire_FaultsBetweenPolls(t *testing.T) {
	inBubble(t, func(w world) {
		w.must(w.acquire(w.process(), time.Second))
		calls := 0
		w.Inject(func(leasetest.Request) leasetest.Fault {
			calls++
			if calls%3 == 0 {
				return leasetest.Fault{}
			}
			return leasetest.Fault{Status: http.StatusInternalServerError}
		})
		if _, err := w.acquire(w.process(), 20*time.Second); !errors.Is(err, context.DeadlineExceeded) {
			w.Errorf("got error %v, want a deadline", err)
		}
	})
}

// TestAcquire_CallerGone: a Lease acquired after its caller gave up is released at once.
func TestAcquire_CallerGone(t *testing.T) {
	inBubble(t, func(w world) {
		ctx, cancel := context.WithCancel(w.Context())
		l := kubelease.New("webhook")
		err := l.Connect(w.Config(func(next http.RoundTripper) http.RoundTripper { return cancelAfterCreate{next, cancel} }))
		if err != nil {
			w.Fatal(err)
		}
		if _, err := l.Acquire(ctx, key); !errors.Is(err, context.Canceled) {
			w.Errorf("got error %v, want context.Canceled", err)
		}
		w.must(w.acquire(w.process(), time.Second))
	})
}

// cancelAfterCreate cancels the caller's context after the response to a Create.
type cancelAfterCreate struct {
	http.RoundTripper
	cancel context.CancelFunc
}

func (c cancelAfterCreate) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost {
		return resp, err
	}
	defer c.cancel()
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// TestRelease_OneDeletion: each use of a Lease restarts the hour until its deletion.
func TestRelease_OneDeletion(t *testing.T) {
	inBubble(t, func(w world) {
		l := w.process()
		w.must(w.acquire(l, time.Second)).Release("")
		time.Sleep(50 * time.Minute)
		w.must(w.acquire(l, time.Second)).Release("")
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if calls := w.Calls(http.MethodDelete); calls > 0 {
			w.Errorf("got %d deletions within an hour of the last use, want 0", calls)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if calls := w.Calls(http.MethodDelete); calls != 1 || len(w.Leases()) > 0 {
			w.Errorf("got %d deletions and %d Leases after the hour, want 1 and 0", calls, len(w.Leases()))
		}
	})
}
