package realtimeregister_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// No process writes until a read shows the update or a minute has passed.
func TestUncertainUpdate_NeverRepeated(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]sim.Kind{
		"429": sim.RateLimited(nil), "500": sim.Status(500), "502": sim.HTMLPage(502), "hang": sim.Hang(), "reset": sim.DropBefore(),
		"malformed JSON": sim.Malformed(), "reset after effect": sim.DropAfter(), "202": sim.Accepted(),
		"effect after 40 s": sim.DropThenEffect(40 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: kind, Times: 1})
				var sentAt []time.Time
				replica := w.newProcess("two")
				for range 12 {
					_ = w.add(acme(1))
					_ = replica.present(w.Context(), txt(testName, acme(2)))
					time.Sleep(2 * time.Second)
				}
				for _, r := range w.api.Requests() {
					if r.Op == sim.OpUpdateZone {
						sentAt = append(sentAt, r.Time)
					}
				}
				bodies := map[string]int{}
				for _, r := range w.api.Requests() {
					if r.Op == sim.OpUpdateZone {
						bodies[string(r.Body)]++
					}
				}
				if len(sentAt) < 2 {
					w.Fatalf("got %d updates", len(sentAt))
				}
				seen := kind.String() == sim.DropAfter().String() || kind.String() == sim.Accepted().String() || kind.String() == sim.Malformed().String()
				if pause := sentAt[1].Sub(sentAt[0]); !seen && pause < 40*time.Second {
					w.Errorf("got an update %s after an unconfirmed one", pause)
				}
				w.wantValues(acme(1), acme(2))
				w.wantOthersUntouched()
			})
		})
	}
}

// Another process takes over within 45 s. It does not write while the dead process's update can still take effect.
func TestLease_DeadHolder(t *testing.T) {
	t.Parallel()
	for _, when := range []sim.Operation{sim.OpReadZone, sim.OpUpdateZone} {
		t.Run(string(when), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
				dead, survivor := w.newProcess("dead"), w.process
				w.must(survivor.present(w.Context(), txt(testName, acme(0))))
				w.api.Inject(sim.Fault{Op: when, Times: 1, Kind: sim.Slow(0), When: func(r sim.Request) bool {
					if r.Header.Get("User-Agent") == "dead" {
						dead.dead.Store(true)
					}
					return false
				}})
				go func() { _ = dead.present(w.Context(), txt(testName, acme(1))) }()
				time.Sleep(time.Second)
				start := time.Now()
				w.must(retry(func() error { return survivor.present(w.Context(), txt(testName, acme(2))) }, 8))
				if elapsed := time.Since(start); elapsed > 45*time.Second {
					w.Errorf("took over after %s", elapsed)
				}
				want := []string{acme(0), acme(2)}
				if when == sim.OpUpdateZone {
					want = append(want, acme(1))
				}
				w.wantValues(want...)
				w.wantOthersUntouched()
			})
		})
	}
}

// A process that lost its Lease, overslept its end or could not renew it does not write.
func TestLease_LostBeforePost(t *testing.T) {
	t.Parallel()
	renewals := func(fault leasetest.Fault) func(leasetest.Request) leasetest.Fault {
		updates := 0
		return func(r leasetest.Request) leasetest.Fault {
			if r.Method == http.MethodPut && !r.Releases {
				updates++
				if updates == 1 {
					return fault
				}
			}
			return leasetest.Fault{}
		}
	}
	for name, fault := range map[string]func(world) leasetest.Fault{
		"taken by another process": func(world) leasetest.Fault { return leasetest.Fault{Status: http.StatusConflict} },
		"deleted":                  func(world) leasetest.Fault { return leasetest.Fault{Status: http.StatusNotFound} },
		"not renewed":              func(world) leasetest.Fault { return leasetest.Fault{Status: http.StatusInternalServerError} },
		"renewal hangs":            func(world) leasetest.Fault { return leasetest.Fault{Late: time.Hour} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.cluster.Inject(renewals(fault(w)))
				w.wantError(w.add(acme(1)), realtimeregister.ErrLeaseLost)
				if w.api.CallsOf(sim.OpUpdateZone) > 0 {
					w.Error("update sent")
				}
				w.cluster.Inject(nil)
				w.must(retry(func() error { return w.add(acme(1)) }, 8))
			})
		})
	}
	t.Run("process slept past the Lease's end", func(t *testing.T) {
		t.Parallel()
		inBubble(t, sim.Options{}, func(w world) {
			short := w.newProcess("short", func(o *realtimeregister.Options) { o.Leases = sleepy(o.Leases, 40*time.Second) })
			if err := short.present(w.Context(), txt(testName, acme(1))); err == nil {
				w.Error("want an error")
			}
			time.Sleep(time.Minute)
			if w.api.CallsOf(sim.OpUpdateZone) > 0 {
				w.Error("update sent")
			}
		})
	})
}

// Without a Lease, neither Present nor CleanUp writes.
func TestLease_Unavailable(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		homeless := w.newProcess("homeless", func(o *realtimeregister.Options) { o.Leases = kubelease.New("") })
		w.wantError(homeless.present(w.Context(), txt(testName, acme(1))), kubelease.ErrNoNamespace)
		w.wantError(homeless.cleanUp(w.Context(), txt(testName, acme(1))), kubelease.ErrNoNamespace)
		w.cluster.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: http.StatusForbidden} })
		w.wantError(w.add(acme(1)), kubelease.ErrForbidden)
		w.wantError(w.remove(acme(1)), kubelease.ErrForbidden)
		if w.api.CallsOf(sim.OpUpdateZone)+w.api.CallsOf(sim.OpReadZone) > 0 {
			w.Error("got a call for the zone")
		}
	})
}

// A process rejects a stale read by its own memory, and by the notes that another process left in the Lease.
func TestStaleRead_Rejected(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sim.Options{
		"all reads":               {StaleReads: 8 * time.Second},
		"every second read":       {StaleReads: 20 * time.Second, Replicas: sim.ReplicasAlternate},
		"other replica only":      {StaleReads: 20 * time.Second, Replicas: sim.ReplicasOther},
		"no signs":                {StaleReads: 8 * time.Second, Signs: sim.SignsNone},
		"no signs, other replica": {StaleReads: 20 * time.Second, Replicas: sim.ReplicasOther, Signs: sim.SignsNone},
		"read-backs":              {StaleReadBacks: 3},
		"short":                   {ShortAfterWrite: 6 * time.Second},
		"short and shuffled":      {ShortAfterWrite: 6 * time.Second, Order: sim.OrderShuffled},
		"absent":                  {AbsentAfterWrite: 6 * time.Second},
		"delayed effect":          {EffectDelay: 5 * time.Second},
		"delayed effect, 202":     {EffectDelay: 5 * time.Second, Update: sim.UpdateAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, o, func(w world) {
				time.Sleep(time.Minute)
				replica := w.newProcess("two")
				for i := range 4 {
					p := []*process{w.process, replica}[i%2]
					w.must(retry(func() error { return p.present(w.Context(), txt(testName, acme(i))) }, 8))
				}
				w.wantValues(acme(0), acme(1), acme(2), acme(3))
				for i := range 4 {
					p := []*process{replica, w.process}[i%2]
					w.must(retry(func() error { return p.cleanUp(w.Context(), txt(testName, acme(i))) }, 8))
				}
				time.Sleep(time.Minute)
				w.wantValues()
				w.wantOthersUntouched()
			})
		})
	}
}

// On a cold start, only the list reveals an incomplete read.
func TestColdStart_ReadDisagreesWithList(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]sim.Kind{"short": sim.ShortRead(), "absent": sim.AbsentRecords(), "empty": sim.EmptyRecords()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				w.api.Inject(sim.Fault{Op: sim.OpReadZone, Kind: kind, Times: 2})
				w.must(w.add(acme(1)))
				w.wantOthersUntouched()
			})
		})
	}
}

// Changes of another client between two rounds are kept.
func TestForeignWriter_BetweenRounds(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.must(w.add(acme(1)))
		time.Sleep(2 * time.Second)
		late := sim.Record("late.example.nl", "A", "192.0.2.9", 60)
		w.api.AddRecord(w.zone, late)
		w.api.DeleteRecord(w.zone, others()[2])
		w.must(retry(func() error { return w.add(acme(2)) }, 6))
		w.wantValues(acme(1), acme(2))
		w.wantOthers(append(slices.Delete(others(), 2, 3), late)...)
	})
}

// Signs have a precision of one second, so a read with the foreign record has the same signs as an older one. Once the
// writer has read the record, it keeps it.
func TestForeignWriter_SameSecondAsUpdate(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{StaleReads: time.Second, Replicas: sim.ReplicasAlternate, Signs: sim.SignsDate}, func(w world) {
		time.Sleep(time.Minute)
		w.must(w.add(acme(1)))
		w.must(w.add(acme(1))) // one more read, so that the next is fresh and the one after it stale
		time.Sleep(400 * time.Millisecond)
		late := sim.Record("late.example.nl", "A", "192.0.2.9", 60)
		w.api.AddRecord(w.zone, late)
		time.Sleep(100 * time.Millisecond)
		w.must(retry(func() error { return w.add(acme(2)) }, 8))
		w.wantValues(acme(1), acme(2))
		w.wantOthers(append(others(), late)...)
	})
}

// Between the read of a zone and its update, there is only the API's response and one update of the Lease.
func TestWindow_OnlyReadAndLease(t *testing.T) {
	t.Parallel()
	const lease = 30 * time.Millisecond
	inBubble(t, sim.Options{Latency: apiLatency}, func(w world) {
		w.cluster.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Late: lease} })
		w.must(w.add(acme(1)))
		if window := lastWindow(w.api); window != apiLatency+lease {
			w.Errorf("foreign writes can be lost for %s, want %s", window, apiLatency+lease)
		}
	})
}

// The next update of a process restores a value that another client removed, unless another process cleaned it up.
func TestPresent_RestoresLostValue(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		replica := w.newProcess("two")
		w.must(w.add(acme(1)))
		w.must(w.add(acme(2)))
		w.must(replica.cleanUp(w.Context(), txt(testName, acme(2))))
		time.Sleep(2 * time.Second)
		w.api.SetRecords(w.zone, others()...) // a stale form in the portal
		w.must(retry(func() error { return w.add(acme(3)) }, 6))
		w.wantValues(acme(1), acme(3))
		w.must(replica.cleanUp(w.Context(), txt(testName, acme(1))))
		w.must(w.remove(acme(3)))
		w.must(w.add(acme(4)))
		w.wantValues(acme(4))
	})
}

// Lost records are logged and counted, and not restored. Values of challenges do not count, because
// another client may have cleaned them up.
func TestForeignLoss_Reported(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
		w.must(w.add(acme(0)))
		var log strings.Builder
		lost := &losses{}
		p := w.newProcess("two", func(o *realtimeregister.Options) {
			o.Observer = lost
			o.Log = funcr.New(func(_, args string) { log.WriteString(args + "\n") }, funcr.Options{})
		})
		go func() {
			time.Sleep(250 * time.Millisecond)
			w.api.DeleteRecord(w.zone, others()[0])
			w.api.DeleteRecord(w.zone, others()[4])
			w.api.DeleteRecord(w.zone, sim.Record("_acme-challenge.example.nl", "TXT", acme(0), 300))
		}()
		w.must(p.present(w.Context(), txt(testName, acme(1))))
		if lost.records != 2 || !strings.Contains(log.String(), `example.nl MX`) || !strings.Contains(log.String(), `mail.example.nl`) {
			w.Errorf("got %d lost, log:\n%s", lost.records, &log)
		}
		w.wantOthers(others()[1:4]...)
	})
}

// The other values of the round succeed.
func TestRejectedValue_FailsAlone(t *testing.T) {
	t.Parallel()
	bad := strings.Repeat("a", 64) + ".example.nl." // a label that is too long
	t.Run("with an index", func(t *testing.T) {
		t.Parallel()
		inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
			names := []string{testName, bad, testName}
			errs := w.presentAll(names)
			if errs[0] != nil || errs[2] != nil {
				w.Errorf("other values: got %v", errs)
			}
			if errs[1] == nil || !strings.Contains(errs[1].Error(), "rejects the TXT record "+strings.TrimSuffix(bad, ".")+": name is not valid") {
				w.Errorf("got %v", errs[1])
			}
		})
	})
	t.Run("without an index", func(t *testing.T) {
		t.Parallel()
		inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
			w.api.Inject(sim.Fault{Op: sim.OpUpdateZone, Kind: sim.Failure(400, "ValidationError", "Invalid"), When: func(r sim.Request) bool {
				return strings.Contains(string(r.Body), bad[:64])
			}})
			errs := w.presentAll([]string{testName, testName, testName, bad})
			answered := 0
			for _, err := range errs[:3] {
				if err == nil {
					answered++
				}
			}
			if answered != 2 || errs[3] == nil { // the others in its half fail, too
				w.Errorf("got %v", errs)
			}
			if posts := w.api.CallsOf(sim.OpUpdateZone); posts != 3 {
				w.Errorf("got %d updates, want 3", posts)
			}
		})
	})
}

// presentAll presents a value for each name in one round.
func (w world) presentAll(names []string) []error {
	errs := make([]error, len(names))
	_ = atOnce(len(names), func(i int) error {
		errs[i] = w.present(w.Context(), txt(names[i], acme(i)))
		return nil
	})
	return errs
}

func TestBlockingRecord_Named(t *testing.T) {
	t.Parallel()
	old := `{"name":"mail.example.nl","type":"MX","content":"mx.example.nl","ttl":60}` // without prio
	for name, c := range map[string]struct {
		records     []string
		wantMessage string
	}{
		"fault":     {append(others(), old), "record mail.example.nl MX blocks every update of its zone: Realtime Register rejects it: prio is required"},
		"duplicate": {append(others(), others()[2]), "record example.nl TXT blocks every update of its zone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubbleWith(t, sim.Options{}, sim.Zone{Name: "example.nl", Records: c.records}, func(w world) {
				if err := w.add(acme(1)); err == nil || !strings.Contains(err.Error(), c.wantMessage) {
					w.Errorf("got %v, want %q", err, c.wantMessage)
				}
			})
		})
	}
	t.Run("conflict with a challenge's value", func(t *testing.T) {
		t.Parallel()
		cname := sim.Record("_acme-challenge.example.nl", "CNAME", "elsewhere.example", 60)
		inBubbleWith(t, sim.Options{}, sim.Zone{Name: "example.nl", Records: append(others(), cname)}, func(w world) {
			want := "Realtime Register rejects the TXT record _acme-challenge.example.nl: it conflicts with _acme-challenge.example.nl CNAME"
			if err := w.add(acme(1)); err == nil || err.Error() != want {
				w.Errorf("got %v, want %q", err, want)
			}
		})
	})
}

// Only Present fails; CleanUp continues to work.
func TestChangedSetting_BarsZone(t *testing.T) {
	t.Parallel()
	for setting, value := range map[string]string{"dnssec": "true", "ns": `["ns1.example.org"]`} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) { barsZone(w, setting, value) })
		})
	}
}

func barsZone(w world, setting, value string) {
	w.Helper()
	w.must(w.add(acme(0)))
	go func() {
		time.Sleep(150 * time.Millisecond) // as if the update changed it
		w.api.SetSetting(w.zone, setting, value)
	}()
	w.must(w.add(acme(1)))
	err := w.add(acme(2))
	if err == nil || !strings.Contains(err.Error(), "an update of zone example.nl also changed "+setting) {
		w.Errorf("got %v", err)
	}
	w.api.DeleteRecord(w.zone, sim.Record("_acme-challenge.example.nl", "TXT", acme(0), 300))
	w.must(retry(func() error { return w.remove(acme(1)) }, 6))
	w.wantValues() // adding includes restoring
	time.Sleep(2 * time.Hour)
	if again := w.add(acme(2)); again == nil || again.Error() != err.Error() {
		w.Errorf("two hours later: %v", again)
	}
}

var zoneName = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9]+)+$`)

// The zone is found by name, never by listing the whole account.
func TestZone_FoundByName(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		for i := range 30 {
			w.api.AddZone("reseller", sim.Zone{Name: fmt.Sprintf("z%d.nl", i), Records: []string{sim.Record(fmt.Sprintf("z%d.nl", i), "A", "192.0.2.1", 60)}})
		}
		below := "_acme-challenge.a.b.example.nl."
		w.api.DeclareChallenge(below)
		for _, zone := range []string{"b.example.nl.", "nl.", ".", "example.nl."} {
			w.must(w.present(w.Context(), dnshost.TXT{Zone: zone, FQDN: below, Value: acme(len(zone))}))
		}
		if got := len(w.api.TXTValues(w.zone, below)); got != 4 {
			w.Errorf("got %d values", got)
		}
		other := "_acme-challenge.z1.nl."
		w.api.DeclareChallenge(other)
		w.must(w.present(w.Context(), dnshost.TXT{Zone: "nl.", FQDN: other, Value: acme(1)})) // another zone below nl.
		for _, r := range w.api.Requests() {
			if r.Op == sim.OpListZones && (r.Query.Get("limit") == "" || !zoneName.MatchString(r.Query.Get("name"))) {
				w.Errorf("got query %v", r.Query)
			}
		}
	})
}

// A missing zone takes few calls, whatever the API lists.
func TestZone_Missing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fqdn  string
		lists sim.Kind
		most  int
	}{
		"no zone":      {"_acme-challenge.example.org.", sim.Slow(0), 1},
		"many labels":  {"_acme-challenge." + strings.Repeat("a.", 50) + "example.org.", sim.Slow(0), 9},
		"similar name": {"_acme-challenge.example.org.", sim.OtherName("xample.org"), 1},
		"larger total": {"_acme-challenge.example.org.", sim.OtherShape(`{"entities":[],"pagination":{"total":100}}`), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, func(w world) {
				if name == "similar name" {
					w.api.AddZone("reseller", sim.Zone{Name: "example.org", Records: others()})
				}
				w.api.Inject(sim.Fault{Op: sim.OpListZones, Kind: c.lists})
				w.wantError(w.present(w.Context(), dnshost.TXT{Zone: "example.org.", FQDN: c.fqdn, Value: acme(1)}), realtimeregister.ErrNoZone)
				if calls := w.api.Calls(); calls > c.most {
					w.Errorf("got %d calls, want at most %d", calls, c.most)
				}
			})
		})
	}
}

// Present requires a service; CleanUp looks in both zones.
func TestZone_Ambiguous(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		premium := w.api.AddZone("reseller", sim.Zone{Name: "example.nl", Service: "PREMIUM", Records: others()})
		err := w.add(acme(1))
		w.wantError(err, realtimeregister.ErrAmbiguous)
		if want := "zone example.nl exists as BASIC and as PREMIUM"; err == nil || !strings.HasPrefix(err.Error(), want) {
			w.Errorf("got %v, want %q", err, want)
		}
		r := txt(testName, acme(1))
		r.Service = "PREMIUM"
		w.must(w.present(w.Context(), r))
		if got := w.api.TXTValues(premium, testName); len(got) != 1 {
			w.Errorf("got values %q", got)
		}
		w.api.ResetRequests()
		w.api.Inject(sim.Fault{Op: sim.OpReadZone, Zone: w.zone, Kind: sim.Status(403), Times: 1})
		result, err := w.CleanUp(w.Context(), testKey, txt(testName, acme(1)))
		if err == nil {
			w.Error("success, although one zone failed")
		}
		if got := w.api.TXTValues(premium, testName); len(got) != 0 || result.Calls != w.api.Calls() {
			w.Errorf("got values %q, calls: %d of %d", got, result.Calls, w.api.Calls())
		}
		w.must(w.remove(acme(1)))
	})
}

// A zone that was deleted and created again is found, although its old id is remembered.
func TestZone_Recreated(t *testing.T) {
	t.Parallel()
	for _, o := range []sim.Options{{}, {Missing: sim.MissingNotFound}} {
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, o, func(w world) {
				w.must(w.add(acme(1)))
				w.api.RemoveZone(w.zone)
				err := w.remove(acme(1))
				if !errors.As(err, new(*dnshost.LeftBehindError)) {
					w.Errorf("without the zone: got %v", err)
				}
				w.zone = w.api.AddZone("reseller", sim.Zone{Name: "example.nl", Records: others()})
				w.must(w.add(acme(2)))
				w.wantValues(acme(2))
			})
		})
	}
}

// An API key is sent with the ApiKey scheme.
func TestLogin_SentAsBasic(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, func(w world) {
		w.api.AddLogin("reseller", "robot", "pass:word")
		ctx, cancel := context.WithTimeout(w.Context(), callLimit)
		defer cancel()
		_, err := w.Present(ctx, "reseller/robot:pass:word", txt(testName, acme(1)))
		w.must(err)
		for _, r := range w.api.Requests() {
			if r.Auth != sim.Basic("reseller", "robot", "pass:word") {
				w.Errorf("got Authorization %q", r.Auth)
			}
		}
	})
}

// Each key has its own rounds.
func TestReadOnlyKey_DoesNotFailOthers(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{Latency: 100 * time.Millisecond}, func(w world) {
		w.api.AddAccount("reseller", "read-only")
		w.api.SetReadOnly("read-only")
		err := atOnce(2, func(i int) error {
			if i == 0 {
				return w.add(acme(1))
			}
			ctx, cancel := context.WithTimeout(w.Context(), callLimit)
			defer cancel()
			if _, err := w.Present(ctx, "read-only", txt(testName, acme(2))); err == nil || !strings.Contains(err.Error(), "UPDATE_DNS_ZONE") {
				w.Errorf("got %v", err)
			}
			return nil
		})
		w.must(err)
		w.wantValues(acme(1))
	})
}

// losses counts lost records.
type losses struct {
	records int
}

func (*losses) CallStarted()                                      {}
func (*losses) CallEnded(apiclient.Operation, int, time.Duration) {}
func (*losses) Retried(apiclient.Operation)                       {}
func (*losses) CooledDown(time.Duration)                          {}
func (l *losses) ForeignLost(records int)                         { l.records += records }
