package realtimeregister_test

import (
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// After a slow renewal, a request with less than a second left is not sent.
func TestUpdate_TooLittleTime(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		slow := w.newProcess("slow", func(o *realtimeregister.Options) { o.Leases = sleepy{o.Leases, 17 * time.Second} })
		if err := slow.present(w.Context(), txt(testName, acme(1))); err == nil {
			w.Error("want an error")
		}
		if n := w.api.CallsOf(sim.OpUpdateZone); n > 0 {
			w.Errorf("got %d updates, want none", n)
		}
	})
}

// An update that failed with HTTP 408 might have taken effect, so the zone decides.
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
