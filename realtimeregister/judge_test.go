package realtimeregister_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// The Lease says how new the zone is that another process has read.
func TestStaleRead_NewerSeenByOtherProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{History: time.Hour}, func(w world) {
		replica := w.newProcess("two")
		w.must(replica.present(w.Context(), txt(testName, acme(1))))
		time.Sleep(time.Minute)
		late := sim.Record("late.example.nl", "A", "192.0.2.9", 60)
		w.api.AddRecord(w.zone, late)
		w.must(w.remove(acme(9))) // reads only
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.StaleRead(30 * time.Second), Times: 1})
		w.must(replica.present(w.Context(), txt(testName, acme(2))))
		w.wantOthers(append(others(), late)...)
	})
}

// A read is outdated if its date or its serial is older, and neither is newer.
func TestStaleRead_Signs(t *testing.T) {
	t.Parallel()
	type sign struct {
		date   string
		serial uint32
	}
	noon := sign{"2020-01-01T12:00:00Z", 5}
	for name, c := range map[string]struct {
		reads []sign
		want  error // of the last one
	}{
		"same":                      {[]sign{noon, noon}, nil},
		"same in another time zone": {[]sign{noon, {"2020-01-01T13:00:00+0100", 5}}, nil},
		"older date":                {[]sign{noon, {"2020-01-01T12:59:59+0100", 5}}, realtimeregister.ErrStale},
		"older serial":              {[]sign{noon, {noon.date, 4}}, realtimeregister.ErrStale},
		"newer date, older serial":  {[]sign{noon, {"2020-01-01T12:00:01Z", 4}}, nil},
		"older date, newer serial":  {[]sign{noon, {"2020-01-01T11:00:00Z", 6}}, nil},
		"serial wraps around":       {[]sign{{noon.date, 2e9}, {noon.date, 4e9}, noon}, nil},
		"serial before the wrap":    {[]sign{{noon.date, 2e9}, {noon.date, 4e9}, noon, {noon.date, 4e9}}, realtimeregister.ErrStale},
		"no date, older serial":     {[]sign{noon, {"", 4}}, realtimeregister.ErrStale},
		"no date, same serial":      {[]sign{noon, {"", 5}}, realtimeregister.ErrStale}, // before the zone's first change
		"no date, newer serial":     {[]sign{noon, {"", 6}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Signs: sim.SignsNone}, func(w world) {
				for i, s := range c.reads {
					over := w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.OtherShape(fmt.Sprintf(
						`{"id":%d,"name":"example.nl","updatedDate":%q,"defaultRecords":[{"type":"SOA","content":"ns.example dns.example %d 1 1 1 1"}],"records":[%s]}`,
						w.zone, s.date, s.serial, strings.Join(others(), ",")))})
					err := w.remove(acme(9)) // reads only
					over()
					if i < len(c.reads)-1 {
						w.must(err)
						continue
					}
					w.wantError(err, c.want)
				}
			})
		})
	}
}

// Records that only a rejected read has shown are known, too.
func TestShortRead_OthersMissing(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Signs: sim.SignsNone}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(time.Minute)
		late := []string{sim.Record("late.example.nl", "A", "192.0.2.8", 60), sim.Record("late.example.nl", "A", "192.0.2.9", 60)}
		for _, r := range late {
			w.api.AddRecord(w.zone, r)
		}
		for _, missing := range []string{others()[0], late[0]} {
			shown := slices.DeleteFunc(w.api.Records(w.zone), func(r string) bool { return r == missing })
			w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.OtherRecords("[" + strings.Join(shown, ",") + "]"), Times: 1})
		}
		w.must(w.add(acme(2)))
		w.wantOthers(append(others(), late...)...)
	})
}

// A record that another client added is known from the last read, although no update contained it.
func TestShortRead_SeenBefore(t *testing.T) {
	t.Parallel()
	for _, added := range []int{1, 2} {
		t.Run(strconv.Itoa(added), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Signs: sim.SignsNone}, func(w world) {
				w.must(w.add(acme(1)))
				time.Sleep(time.Minute)
				all := others()
				for i := range added {
					all = append(all, sim.Record("late.example.nl", "A", fmt.Sprintf("192.0.2.%d", i), 60))
					w.api.AddRecord(w.zone, all[len(all)-1])
				}
				w.must(w.remove(acme(9))) // reads only
				shown := slices.DeleteFunc(w.api.Records(w.zone), func(r string) bool { return r == all[len(all)-1] })
				w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.OtherRecords("[" + strings.Join(shown, ",") + "]"), Times: 1})
				w.must(w.add(acme(2)))
				w.wantOthers(all...)
			})
		})
	}
}

// A complete read ends the time after which missing records count as removed.
func TestShortRead_Twice(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(time.Minute)
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead(), Times: 1})
		w.must(w.remove(acme(9))) // reads only
		time.Sleep(time.Minute)
		late := sim.Record("late.example.nl", "A", "192.0.2.9", 60)
		w.api.AddRecord(w.zone, late)
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead(), Times: 1})
		w.must(w.add(acme(2)))
		w.wantOthers(append(others(), late)...)
	})
}

// A record that is really gone says nothing about the others that a later read lacks.
func TestShortRead_AfterRemovalByAnotherClient(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		w.api.DeleteRecord(w.zone, others()[0])
		w.wantError(w.remove(acme(9)), realtimeregister.ErrStale) // reads only
		time.Sleep(time.Minute)
		late := sim.Record("late.example.nl", "A", "192.0.2.9", 60)
		w.api.AddRecord(w.zone, late)
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.ShortRead(), Times: 1})
		w.must(retry(func() error { return w.add(acme(2)) }, 6))
		w.wantOthers(append(others()[1:], late)...)
	})
}

// What another client, or another process, writes right after an update delays the next one only
// if records are gone.
func TestForeignWriter_Delays(t *testing.T) {
	t.Parallel()
	stale := func(w world) {
		w.must(w.remove(acme(1)))
		time.Sleep(time.Second)
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.StaleRead(30 * time.Second), Times: 1})
	}
	for name, c := range map[string]struct {
		signs  sim.SignsReading
		change func(world)
		within time.Duration
	}{
		"a record is added": {sim.SignsBoth, func(w world) {
			w.api.AddRecord(w.zone, sim.Record("late.example.nl", "A", "192.0.2.9", 60))
		}, 5 * time.Second},
		"a value is cleaned up": {sim.SignsBoth, func(w world) {
			w.must(w.newProcess("two").cleanUp(w.Context(), txt(testName, acme(1))))
		}, 5 * time.Second},
		"an outdated read of a value that was cleaned up": {sim.SignsNone, stale, 5 * time.Second},
		"a record is removed":                             {sim.SignsBoth, func(w world) { w.api.DeleteRecord(w.zone, others()[2]) }, time.Minute},
		"a record is removed, and no sign tells":          {sim.SignsNone, func(w world) { w.api.DeleteRecord(w.zone, others()[2]) }, 12 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Signs: c.signs, History: time.Hour}, func(w world) {
				w.must(w.add(acme(1)))
				time.Sleep(2 * time.Minute)
				w.must(w.add(acme(2)))
				time.Sleep(2 * time.Second)
				c.change(w)
				begun := time.Now()
				for w.add(acme(3)) != nil {
					if time.Since(begun) > c.within {
						break
					}
					time.Sleep(c.within / 10)
				}
				if took := time.Since(begun); took > c.within {
					w.Errorf("it took %s, want at most %s", took, c.within)
				}
			})
		})
	}
}

// An outdated list makes no read suspect.
func TestList_OlderThanKnown(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{History: time.Hour}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(9 * time.Minute)
		w.api.DeleteRecord(w.zone, others()[2])
		w.must(retry(func() error { return w.add(acme(2)) }, 6))
		time.Sleep(2 * time.Minute)
		w.api.Inject(sim.Fault{Op: sim.OpListZones, Kind: sim.StaleRead(10 * time.Minute), Times: 1})
		w.must(w.add(acme(3)))
		w.wantValues(acme(1), acme(2), acme(3))
	})
}

// TestCleanUp_UnconfirmedUpdateTookEffect after a minute: an outdated read does not make the value absent.
func TestCleanUp_UnconfirmedUpdateTookEffect(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{History: time.Hour}, func(w world) {
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.DropThenEffect(40 * time.Second), Times: 1})
		w.wantError(w.add(acme(1)), realtimeregister.ErrUncertain)
		time.Sleep(50 * time.Second)
		w.wantValues(acme(1))
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: sim.StaleRead(time.Minute), Times: 2})
		w.api.Inject(sim.Fault{Op: sim.OpListZones, Kind: sim.Status(403), Times: 1}) // the first look at the list fails
		w.must(w.remove(acme(1)))
		w.wantValues()
	})
}

// behind are Leases whose holder's clock is a day behind those of the other machines.
type behind struct{ realtimeregister.Leases }

func (b behind) Acquire(ctx context.Context, key string) (keylock.Lease, error) {
	lease, err := b.Leases.Acquire(ctx, key)
	return behindLease{lease}, err
}

type behindLease struct{ keylock.Lease }

func (b behindLease) Notes() string {
	return strings.ReplaceAll(b.Lease.Notes(), `"at":"2000-01-01T`, `"at":"2000-01-02T`)
}

// A minute passes by the clock of the process that waits.
func TestUncertainUpdate_ClockBehind(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.DropBefore(), Times: 1})
		w.wantError(w.add(acme(1)), realtimeregister.ErrUncertain)
		p := w.newProcess("behind", func(o *realtimeregister.Options) { o.Leases = behind{o.Leases} })
		begun := time.Now()
		w.must(retry(func() error { return p.present(w.Context(), txt(testName, acme(2))) }, 8))
		if took := time.Since(begun); took > 3*time.Minute {
			w.Errorf("it took %s", took)
		}
	})
}
