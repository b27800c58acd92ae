package realtimeregister_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
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

// A foreign TXT record of the same name can lack a TTL.
func TestPresent_TXTWithoutTTL(t *testing.T) {
	t.Parallel()
	foreign := `{"name":"_acme-challenge.example.nl","type":"TXT","content":"of another"}`
	inBubbleWith(t, sim.Options{}, sim.Zone{Name: "example.nl", Records: append(others(), foreign)}, func(w world) {
		_ = w.add(acme(1)) // the API may reject such a record
		w.must(w.remove(acme(1)))
		if !slices.Contains(w.api.Records(w.zone), foreign) {
			w.Errorf("record %s is gone", foreign)
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

// The value may have been lost. No process restores it.
func TestCleanUp_AbsentValue(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		w.api.SetRecords(w.zone, others()...)
		replica := w.newProcess("two")
		w.must(retry(func() error { return replica.cleanUp(w.Context(), txt(testName, acme(1))) }, 6))
		time.Sleep(5 * time.Minute)
		w.must(replica.cleanUp(w.Context(), txt(testName, acme(9))))
		w.must(w.add(acme(2)))
		w.wantValues(acme(2))
	})
}

// The Lease has the latest clean-ups, whose values no process restores.
func TestCleanUp_AfterManyOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		w.api.SetRecords(w.zone, others()...)
		time.Sleep(time.Minute)
		replica := w.newProcess("two")
		w.must(atOnce(1000, func(i int) error { return replica.cleanUp(w.Context(), txt(testName, acme(10+i))) }))
		w.must(replica.cleanUp(w.Context(), txt(testName, acme(1))))
		w.must(retry(func() error { return w.add(acme(2)) }, 6))
		w.wantValues(acme(2))
	})
}

// A value that was presented more than ten minutes ago is not restored.
func TestPresent_LostLongAgo(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(6 * time.Minute)
		w.must(w.add(acme(2)))
		time.Sleep(6 * time.Minute)
		w.api.SetRecords(w.zone, others()...)
		w.must(retry(func() error { return w.add(acme(3)) }, 6))
		w.wantValues(acme(2), acme(3))
	})
}

// A request that waits while another process cleans its value up is superseded.
func TestPresent_CleanedUpMeanwhile(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.Slow(3 * time.Second), Times: 1})
		cleanedUp := make(chan error)
		go func() { cleanedUp <- w.remove(acme(1)) }()
		time.Sleep(time.Second)
		w.wantError(w.newProcess("two").present(w.Context(), txt(testName, acme(1))), realtimeregister.ErrSuperseded)
		w.must(<-cleanedUp)
		w.wantValues()
		w.must(w.add(acme(1)))
		w.wantValues(acme(1))
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
