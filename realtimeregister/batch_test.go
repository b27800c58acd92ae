package realtimeregister_test

import (
	"context"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// A round ends 4 s before the deadline of its callers, which get its error, and does not begin if they
// have less than 12 s.
func TestDeadline_Short(t *testing.T) {
	t.Parallel()
	for deadline, want := range map[time.Duration]error{10 * time.Second: realtimeregister.ErrNoTime, 14 * time.Second: realtimeregister.ErrUncertain} {
		t.Run(deadline.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.DropBefore()})
				ctx, cancel := context.WithTimeout(w.Context(), deadline)
				defer cancel()
				begun := time.Now()
				_, err := w.Present(ctx, testKey, txt(testName, acme(1)))
				w.wantError(err, want)
				if took := time.Since(begun); took > deadline-4*time.Second {
					w.Errorf("took %s", took)
				}
			})
		})
	}
}

// A caller that waits for another process returns before its deadline.
func TestDeadline_LeaseInUse(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		holder := w.newProcess("two")
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.Slow(0), Times: 1, When: func(sim.Request) bool {
			holder.dead.Store(true)
			return false
		}})
		_ = holder.present(w.Context(), txt(testName, acme(1)))
		begun := time.Now()
		w.wantError(w.add(acme(2)), realtimeregister.ErrLeaseInUse)
		if took := time.Since(begun); took > callLimit-time.Second {
			w.Errorf("took %s of %s", took, callLimit)
		}
	})
}

// A process that gets the Lease with too little time for a round passes the notes on.
func TestLease_AcquiredTooLate(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.DropBefore(), Times: 1})
		unconfirmed := make(chan error)
		go func() { unconfirmed <- w.add(acme(1)) }()
		time.Sleep(time.Second)
		w.wantError(w.newProcess("two").present(w.Context(), txt(testName, acme(2))), realtimeregister.ErrLeaseInUse)
		w.wantError(<-unconfirmed, realtimeregister.ErrUncertain)
		w.wantError(w.newProcess("three").present(w.Context(), txt(testName, acme(3))), realtimeregister.ErrUncertain)
	})
}

// Its round goes on, because the update may have been sent.
func TestCaller_Leaves(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
		ctx, cancel := context.WithTimeout(w.Context(), callLimit)
		time.AfterFunc(150*time.Millisecond, cancel) // while the zone is read
		_, err := w.Present(ctx, testKey, txt(testName, acme(1)))
		w.wantError(err, realtimeregister.ErrNoTime)
		time.Sleep(time.Second)
		w.wantValues(acme(1))
	})
}

// TestResult_Shared counts calls for the same value, too.
func TestResult_Shared(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(atOnce(3, func(i int) error {
			ctx, cancel := context.WithTimeout(w.Context(), callLimit)
			defer cancel()
			result, err := w.Present(ctx, testKey, txt(testName, acme(i/2)))
			if result.Shared != 3 {
				w.Errorf("%d challenges shared the calls, want 3", result.Shared)
			}
			return err
		}))
	})
}
