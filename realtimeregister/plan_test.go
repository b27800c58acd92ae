package realtimeregister_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// Only the TXT record is removed.
func TestCleanUp_OtherTypeWithSameContent(t *testing.T) {
	t.Parallel()
	other := sim.Record("_acme-challenge.example.nl", "URL", acme(1), 60)
	inBubbleWith(t, sim.Options{}, sim.Zone{Name: "example.nl", Records: append(others(), other)}, func(w world) {
		w.must(w.add(acme(1)))
		w.must(w.remove(acme(1)))
		w.wantValues()
		if !slices.Contains(w.api.Records(w.zone), other) {
			w.Errorf("record %s was removed", other)
		}
	})
}

// A value that this process would restore anyway is sent once.
func TestPresent_LostValueAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		w.api.SetRecords(w.zone, others()...)
		w.api.ResetRequests()
		w.must(retry(func() error { return w.add(acme(1)) }, 6))
		w.wantValues(acme(1))
		for _, r := range w.api.Requests() {
			if n := strings.Count(string(r.Body), acme(1)); n > 1 {
				w.Errorf("got the value %d times in an update, want once", n)
			}
		}
	})
}

// All TXT records of a name have one TTL (RFC 2181, section 5.2).
func TestPresent_TwoTTLsInOneRound(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(atOnce(2, func(i int) error {
			r := txt(testName, acme(i))
			r.TTL = 300 * (i + 1)
			return w.present(w.Context(), r)
		}))
		records := strings.Join(w.api.Records(w.zone), "\n")
		if strings.Count(records, `"ttl":300}`) != 2 && strings.Count(records, `"ttl":600}`) != 2 {
			w.Errorf("TTLs differ:\n%s", records)
		}
	})
}

// A lost value that the zone no longer accepts does not fail the challenges of the round.
func TestPresent_RestoreRejected(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		second := "_acme-challenge.www.example.nl."
		w.api.DeclareChallenge(second)
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		cname := sim.Record("_acme-challenge.example.nl", "CNAME", "elsewhere.example", 60)
		w.api.SetRecords(w.zone, append(others(), cname)...)
		w.must(retry(func() error { return w.present(w.Context(), txt(second, acme(2))) }, 6))
		if got := w.api.TXTValues(w.zone, second); !slices.Equal(got, []string{acme(2)}) {
			w.Errorf("values under %s: got %q", second, got)
		}
	})
}

// No other process restores the value.
func TestCleanUp_ProcessDiesAfterUpdate(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
		w.must(w.add(acme(1)))
		dead := w.newProcess("dead")
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Times: 1, Kind: sim.Slow(0), When: func(r sim.Request) bool {
			if r.Header.Get("User-Agent") == "dead" {
				dead.dead.Store(true)
			}
			return false
		}})
		if err := dead.cleanUp(w.Context(), txt(testName, acme(1))); err == nil {
			w.Error("dead process: want an error")
		}
		w.must(retry(func() error { return w.add(acme(2)) }, 8))
		w.wantValues(acme(2))
		w.wantOthersUntouched()
	})
}
