package realtimeregister_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// After a slow renewal, a request with less than a second left is not sent.
func TestUpdate_TooLittleTime(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		slow := w.newProcess("slow", func(o *realtimeregister.Options) { o.Leases = sleepy(o.Leases, 17*time.Second) })
		if err := slow.present(w.Context(), txt(testName, acme(1))); err == nil {
			w.Error("want an error")
		}
		if n := w.api.CallsOf(sim.OpUpdateZone); n > 0 {
			w.Errorf("got %d updates, want none", n)
		}
	})
}

// expiring returns Leases that end soon after each renewal, as after the machine has slept.
func expiring(leases realtimeregister.Leases, left time.Duration) alteredLeases {
	return alteredLeases{leases, func(l keylock.Lease) keylock.Lease { return expiringLease{l, left} }}
}

type expiringLease struct {
	keylock.Lease
	left time.Duration
}

func (e expiringLease) Left() time.Duration { return e.left }

// An update ends well before the Lease does, or is not sent.
func TestUpdate_LeaseExpiring(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]int{6 * time.Second: 0, 8 * time.Second: 1} {
		t.Run(left.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				p := w.newProcess("expiring", func(o *realtimeregister.Options) { o.Leases = expiring(o.Leases, left) })
				_ = p.present(w.Context(), txt(testName, acme(1)))
				if n := w.api.CallsOf(sim.OpUpdateZone); n != want {
					w.Errorf("got %d updates, want %d", n, want)
				}
				w.must(w.add(acme(2))) // no update is pending
			})
		})
	}
}

// An update that failed with HTTP 408 may have taken effect, so the zone decides.
func TestUpdate_RequestTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.AfterEffect(sim.Status(408)), Times: 1})
		w.must(w.add(acme(1)))
		if n := w.api.CallsOf(sim.OpUpdateZone); n != 1 {
			w.Errorf("got %d updates, want 1", n)
		}
	})
}

// A read from before the last foreign change does not prove a loss.
func TestReadBack_OlderThanKnown(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{History: time.Hour}, func(w world) {
		lost := &losses{}
		p := w.newProcess("observed", func(o *realtimeregister.Options) { o.Observer = lost })
		time.Sleep(time.Minute)
		w.must(p.present(w.Context(), txt(testName, acme(1))))
		time.Sleep(time.Minute)
		w.api.AddRecord(w.zone, sim.Record("late.example.nl", "A", "192.0.2.9", 60))
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.StaleRead(90 * time.Second), Skip: 1, Times: 5})
		w.must(p.cleanUp(w.Context(), txt(testName, acme(1))))
		w.wantValues()
		if lost.records > 0 {
			w.Errorf("got %d records reported lost, want none", lost.records)
		}
	})
}

// Only the zone that was sent confirms the update, because another client may have removed the value.
func TestCleanUp_UpdateUnanswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  sim.Kind
		other bool // another client removes the value
		want  error
		next  error // of another process
	}{
		"it took effect":                      {sim.DropAfter(), false, nil, nil},
		"it took effect late":                 {sim.DropThenEffect(30 * time.Second), false, realtimeregister.ErrUncertain, nil},
		"it did not":                          {sim.DropBefore(), false, realtimeregister.ErrUncertain, realtimeregister.ErrUncertain},
		"another client removes a value":      {sim.DropBefore(), true, realtimeregister.ErrUncertain, realtimeregister.ErrUncertain},
		"another client removes a value, 202": {sim.Status(202), true, realtimeregister.ErrUncertain, realtimeregister.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.must(w.add(acme(1)))
				w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: c.kind, Times: 1})
				if c.other {
					go func() {
						time.Sleep(time.Second)
						w.api.SetRecords(w.zone, append(others(), sim.Record("late.example.nl", "A", "192.0.2.9", 60))...)
					}()
				}
				w.wantError(w.remove(acme(1)), c.want)
				w.wantError(w.newProcess("two").cleanUp(w.Context(), txt(testName, acme(1))), c.next)
			})
		})
	}
}

// The message has the failure of the update, or of the reads after it.
func TestUncertainUpdate_SaysWhy(t *testing.T) {
	t.Parallel()
	for says, fault := range map[string]sim.Fault{
		"HTTP 502": {Op: sim.OpUpdateZone, Kind: sim.HTMLPage(502), Times: 1},
		"HTTP 503": {Op: sim.OpReadZone, Kind: sim.Status(503), Skip: 1},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.api.Inject(fault)
				err := w.add(acme(1))
				w.wantError(err, realtimeregister.ErrUncertain)
				if err != nil && !strings.Contains(err.Error(), says) {
					w.Errorf("got %v, want %q", err, says)
				}
			})
		})
	}
}

// A rejection that is about no record is not tried again with fewer values.
func TestRejectedUpdate_NotHalved(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]sim.Kind{"may pass": sim.Failure(400, "ProcessError", "x"), "a page": sim.HTMLPage(400), "missing": sim.Failure(400, "ObjectDoesNotExist", "x")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: kind})
				if errs := w.presentAll([]string{testName, testName}); errs[0] == nil || errs[1] == nil {
					w.Errorf("got %v", errs)
				}
				if n := w.api.CallsOf(sim.OpUpdateZone); n != 1 {
					w.Errorf("got %d updates, want 1", n)
				}
			})
		})
	}
}

// An API that resets the fields which an update leaves out gets them all.
func TestUpdate_SOAFields(t *testing.T) {
	t.Parallel()
	zone := sim.Zone{Name: "example.nl", Records: others(), HostMaster: "dns@example.nl", Refresh: 7200, Retry: 1800, Expire: 604800, TTL: 600}
	inBubbleWith(t, sim.Options{SOA: sim.SOAReset}, zone, func(w world) {
		w.must(w.add(acme(1)))
		for _, r := range w.api.Requests() {
			if want := `"hostMaster":"dns@example.nl","refresh":7200,"retry":1800,"expire":604800,"ttl":600`; r.Op == sim.OpUpdateZone && !strings.Contains(string(r.Body), want) {
				w.Errorf("%s lacks %s", r.Body, want)
			}
		}
	})
}

// A short read after an update is no loss. If it stays short, the records are reported, and reads that
// lack them remain suspect.
func TestReadBack_Short(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ times, lost int }{"twice": {2, 0}, "for long": {0, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				lost := &losses{}
				p := w.newProcess("observed", func(o *realtimeregister.Options) { o.Observer = lost })
				w.must(p.present(w.Context(), txt(testName, acme(1))))
				complete := w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead(), Skip: 1, Times: c.times})
				w.must(p.cleanUp(w.Context(), txt(testName, acme(1))))
				if lost.records != c.lost {
					w.Errorf("%d records reported lost, want %d", lost.records, c.lost)
				}
				if c.times == 0 {
					for range 5 { // more than a minute
						w.wantError(p.present(w.Context(), txt(testName, acme(2))), realtimeregister.ErrStale)
					}
				}
				complete()
				w.must(p.present(w.Context(), txt(testName, acme(2))))
				w.wantOthersUntouched()
			})
		})
	}
}
