package realtimeregister_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// All other records stay byte for byte unchanged, under every reading.
func TestPresentCleanUp_EveryReading(t *testing.T) {
	t.Parallel()
	for _, o := range sim.EachReading() {
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, o, func(w world) {
				w.must(retry(func() error { return w.add(acme(1)) }, 5))
				w.must(retry(func() error { return w.add(acme(2)) }, 5))
				w.wantValues(acme(1), acme(2))
				w.must(retry(func() error { return w.remove(acme(1)) }, 5))
				w.wantValues(acme(2))
				w.must(retry(func() error { return w.newProcess("two").cleanUp(w.Context(), txt(testName, acme(2))) }, 8))
				w.wantValues()
				w.must(retry(func() error { return w.remove(acme(2)) }, 5))
				if o.Names == sim.NamesAsStored {
					w.wantOthersUntouched()
				}
				if w.api.EmptyUpdates() > 0 {
					w.Error("empty list sent")
				}
			})
		})
	}
}

func TestCalls_OneChallenge(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		w.wantCalls(sim.OpListZones, sim.OpReadZone, sim.OpUpdateZone, sim.OpReadZone)
		w.api.ResetRequests()
		w.must(w.remove(acme(1)))
		w.wantCalls(sim.OpReadZone, sim.OpUpdateZone, sim.OpReadZone)
		w.api.ResetRequests()
		w.must(w.remove(acme(1)))
		w.wantCalls(sim.OpReadZone)
		time.Sleep(11 * time.Minute)
		w.api.ResetRequests()
		w.must(w.remove(acme(1)))
		w.wantCalls(sim.OpListZones, sim.OpReadZone)
	})
}

// The API takes 100 ms per call.
func TestPresent_HundredAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zones, mostCalls int
		most             time.Duration
	}{
		{1, 12, 2 * time.Second},
		{20, 90, 3 * time.Second},
	} {
		t.Run(fmt.Sprintf("in %d zones", c.zones), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
				records := make([]dnshost.TXT, 100)
				for i := range records {
					zone := fmt.Sprintf("zone-%d.nl", i%c.zones)
					if i < c.zones {
						w.api.AddZone("reseller", sim.Zone{Name: zone, Records: []string{sim.Record(zone, "A", "192.0.2.1", 300)}})
					}
					name := fmt.Sprintf("_acme-challenge.host-%d.%s", i, zone)
					w.api.DeclareChallenge(name)
					records[i] = dnshost.TXT{Zone: zone + ".", FQDN: name + ".", Value: acme(i)}
				}
				for _, action := range []string{"present", "clean up"} {
					w.api.ResetRequests()
					start := time.Now()
					w.must(atOnce(len(records), func(i int) error {
						if action == "present" {
							return w.present(w.Context(), records[i])
						}
						return w.cleanUp(w.Context(), records[i])
					}))
					elapsed, calls := time.Since(start), w.api.Calls()
					w.Logf("%s: %s, %d calls", action, elapsed, calls)
					if elapsed > c.most || calls > c.mostCalls {
						w.Errorf("%s took %s and %d calls, want at most %s and %d", action, elapsed, calls, c.most, c.mostCalls)
					}
				}
			})
		})
	}
}

// Several processes share the work on one zone without harm, in few calls.
func TestProcesses_ThreeHundredChallenges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		processes, mostCalls int
		most                 time.Duration
	}{
		{2, 10, 2 * time.Second},
		{3, 15, 3 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d processes", c.processes), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Latency: apiLatency}, func(w world) {
				processes := []*process{w.process}
				for len(processes) < c.processes {
					processes = append(processes, w.newProcess(strconv.Itoa(len(processes))))
				}
				records := make([]dnshost.TXT, 300)
				for i := range records {
					records[i] = txt(fmt.Sprintf("_acme-challenge.host-%d.example.nl.", i), acme(i))
					w.api.DeclareChallenge(records[i].FQDN)
				}
				for _, action := range []string{"present", "clean up"} {
					w.api.ResetRequests()
					start := time.Now()
					w.must(atOnce(len(records), func(i int) error {
						p := processes[i%len(processes)]
						if action == "present" {
							return p.present(w.Context(), records[i])
						}
						return p.cleanUp(w.Context(), records[i])
					}))
					elapsed, calls := time.Since(start), w.api.Calls()
					w.Logf("%s: %s, %d calls", action, elapsed.Round(time.Millisecond), calls)
					if elapsed > c.most || calls > c.mostCalls {
						w.Errorf("%s took %s and %d calls, want at most %s and %d", action, elapsed, calls, c.most, c.mostCalls)
					}
					if got, want := len(w.api.Records(w.zone)), len(others())+300; action == "present" && got != want {
						w.Errorf("got %d records, want %d", got, want)
					}
				}
				w.wantOthersUntouched()
			})
		})
	}
}

// Present returns the reason. CleanUp succeeds in the end, because nothing was written.
func TestUnfitZone_NotWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		zone        sim.Zone
		wantMessage string
	}{
		"linked":     {sim.Zone{Template: "standard", Records: others()}, "zone example.nl is linked to template standard"},
		"secondary":  {sim.Zone{Master: "192.0.2.53", Records: others()}, "zone example.nl is a secondary zone of 192.0.2.53"},
		"no records": {sim.Zone{}, "zone example.nl has no records; add one TXT record, so that an empty answer can be recognised"},
		"pending deletion": {
			sim.Zone{DeletionDate: "2027-01-01T00:00:00Z", Records: others()},
			"the Realtime Register account of this API key has no zone that covers this name: _acme-challenge.example.nl.",
		},
	} {
		for _, reading := range []sim.Options{{}, {Linked: sim.PostAccepted, Secondary: sim.PostAccepted}, {Empty: sim.EmptyList}, {Empty: sim.EmptyNull}} {
			t.Run(name+","+reading.String(), func(t *testing.T) {
				t.Parallel()
				zone := c.zone
				zone.Name = "example.nl"
				inBubbleWith(t, reading, zone, func(w world) {
					if err := w.add(acme(1)); err == nil || !strings.Contains(err.Error(), c.wantMessage) {
						w.Errorf("got %v, want %q", err, c.wantMessage)
					}
					if err := retry(func() error { return w.remove(acme(1)) }, 6); err != nil && !errors.As(err, new(*dnshost.LeftBehindError)) {
						w.Errorf("CleanUp: %v", err)
					}
					if w.api.CallsOf(sim.OpUpdateZone) > 0 {
						w.Error("update sent")
					}
				})
			})
		}
	}
}

// Another client's write makes a read newer than our update. A new process has no memory of the records that it omits.
func TestCleanUp_RecordsOmittedAfterWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{AbsentAfterWrite: 6 * time.Second}, func(w world) {
		w.must(w.add(acme(1)))
		w.must(w.add(acme(2)))
		w.must(w.remove(acme(2))) // ends before reads show records again
		w.api.AddRecord(w.zone, sim.Record("new.example.nl", "A", "192.0.2.9", 300))
		p := w.newProcess("restarted")
		w.must(retry(func() error { return p.cleanUp(w.Context(), txt(testName, acme(1))) }, 6))
		w.wantValues()
	})
}

// A value is left behind. Without one, the clean-up succeeds.
func TestCleanUp_ZoneBecameUnfit(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		w.api.SetSetting(w.zone, "template", `"standard"`)
		if err := w.remove(acme(1)); !errors.As(err, new(*dnshost.LeftBehindError)) {
			w.Errorf("got %v", err)
		}
		w.must(w.remove(acme(2)))
	})
}

// An empty list is never sent.
func TestCleanUp_LastRecord(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		for _, r := range others() {
			w.api.DeleteRecord(w.zone, r)
		}
		err := retry(func() error {
			err := w.remove(acme(1))
			if errors.As(err, new(*dnshost.LeftBehindError)) {
				w.wantError(err, realtimeregister.ErrLastRecord)
				return nil
			}
			return err
		}, 6)
		w.must(err)
		w.wantValues(acme(1))
		if w.api.EmptyUpdates() > 0 {
			w.Error("empty list sent")
		}
		w.api.SetRecords(w.zone, others()...)
		w.must(retry(func() error { return w.add(acme(2)) }, 6))
		w.wantValues(acme(2)) // the value that was left behind is not restored
	})
}

// All TXT records of a name have the same TTL (RFC 2181, section 5.2).
func TestPresent_TTLOfExistingTXT(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		r := txt(testName, acme(2))
		r.TTL = 600
		w.must(w.present(w.Context(), r))
		records := strings.Join(w.api.Records(w.zone), "\n")
		if strings.Count(records, `"ttl":300}`) != 2 || strings.Contains(records, `"ttl":600`) {
			w.Errorf("got records:\n%s", records)
		}
	})
}

// The earlier request for the same value gets an error.
func TestRequests_LastWins(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
		w.must(w.add(acme(0)))
		running := make(chan error)
		go func() { running <- w.add(acme(1)) }()
		time.Sleep(50 * time.Millisecond)
		early := make(chan error, 1)
		go func() { early <- w.add(acme(2)) }()
		time.Sleep(50 * time.Millisecond)
		w.must(w.remove(acme(2)))
		w.must(<-running)
		w.wantError(<-early, realtimeregister.ErrSuperseded)
		w.wantValues(acme(0), acme(1))
	})
}

// The API may show the name of a zone in another case, and with a final dot.
func TestZoneName_OtherCase(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.Inject(sim.Fault{Kind: sim.OtherName("Example.NL."), When: func(r sim.Request) bool { return r.Op != sim.OpUpdateZone }})
		w.must(w.add(acme(1)))
		w.wantValues(acme(1))
	})
}

// Null is the same as no field.
func TestZone_NullFields(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Times: 1, Kind: sim.OtherShape(fmt.Sprintf(
			`{"id":%d,"name":"example.nl","template":null,"master":null,"deletionDate":null,"hostMaster":null,"ttl":null,"records":[%s]}`,
			w.zone, strings.Join(others(), ","),
		))})
		w.must(w.add(acme(1)))
		for _, r := range w.api.Requests() {
			if strings.Contains(string(r.Body), "null") {
				w.Errorf("sent %s", r.Body)
			}
		}
	})
}
