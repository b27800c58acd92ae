package realtimeregistercheck_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistercheck"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

func TestCheck_ReadsOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		r := w.run()
		checktest.WantOutcome(t, r, check.Well)
		checktest.WantStep(t, r, check.StepKey, check.OK, "VIEW_DNS_ZONE", "Only a write shows whether it has UPDATE_DNS_ZONE")
		checktest.WantStep(t, r, check.StepManaged, check.OK, "BASIC zone example.nl")
		checktest.WantStep(t, r, check.StepRecords, check.OK)
		checktest.WantStep(t, r, check.StepValues, check.OK, "no TXT value")
		checktest.WantStep(t, r, check.StepDelegation, check.OK, "ns1.yoursrs.com and ns2.yoursrs.com")
		checktest.WantStep(t, r, check.StepCAA, check.OK)
		checktest.WantStep(t, r, check.StepWrite, check.Skipped, "--write is not set", "replaces all records")
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "kubectl delete challenge NAME") {
			t.Errorf("got notes %q", r.Notes)
		}
	})
}

func TestSteps(t *testing.T) {
	t.Parallel()
	type change = func(*check.Options)
	withRecords := func(records ...string) sim.Zone { return sim.Zone{Records: append(others(), records...)} }
	for _, c := range []struct {
		claim    string
		readings sim.Options
		zone     sim.Zone
		set      func(world) change
		step     check.StepID
		status   check.Status
		words    []string
		outcome  check.Outcome
	}{
		{
			claim: "revoked key", set: func(w world) change { w.api.RevokeKey(testKey); return nil },
			step: check.StepKey, status: check.Problem, words: []string{"does not work: Realtime Register rejects the API key", "test environment"}, outcome: check.Trouble,
		},
		{
			claim: "key forbidden", set: func(w world) change { w.api.RefuseAddress(testKey); return nil },
			step: check.StepKey, status: check.Problem, words: []string{"is not allowed to read zones", "VIEW_DNS_ZONE and UPDATE_DNS_ZONE", "IP addresses"}, outcome: check.Trouble,
		},
		{
			claim: "API down",
			set:   func(w world) change { w.api.Inject(sim.Fault{Kind: sim.Unavailable(nil)}); return nil },
			step:  check.StepKey, status: check.Unknown, words: []string{"503", "--realtimeregister-base-url", "run the check again"}, outcome: check.Unclear,
		},
		{
			claim: "API hangs",
			set:   func(w world) change { w.api.Inject(sim.Fault{Kind: sim.Hang()}); return nil },
			step:  check.StepKey, status: check.Unknown, words: []string{"Cannot verify the API key", "--realtimeregister-base-url"}, outcome: check.Unclear,
		},
		{
			claim: "API fails after the key is accepted",
			set:   func(w world) change { w.api.Inject(sim.Fault{Kind: sim.Unavailable(nil), Skip: 1}); return nil },
			step:  check.StepDomain, status: check.Unknown, words: []string{"503"}, outcome: check.Unclear,
		},
		{
			claim: "zone cannot be read",
			set: func(w world) change {
				w.api.Inject(sim.Fault{Kind: sim.Unavailable(nil), Op: sim.OpReadZone})
				return nil
			},
			step: check.StepManaged, status: check.Unknown, words: []string{"Cannot read zone example.nl", "503"}, outcome: check.Unclear,
		},
		{
			claim: "zone read hangs, nameservers of the list",
			set: func(w world) change {
				w.api.Inject(sim.Fault{Kind: sim.Hang(), Op: sim.OpReadZone})
				return nil
			},
			step: check.StepDelegation, status: check.OK, words: []string{"ns1.yoursrs.com"}, outcome: check.Unclear,
		},
		{
			claim: "rate-limited",
			set:   func(w world) change { w.api.Inject(sim.Fault{Kind: sim.RateLimited(nil)}); return nil },
			step:  check.StepKey, status: check.Unknown, words: []string{"rate-limits"}, outcome: check.Unclear,
		},
		{
			claim: "zone of another account",
			set:   func(world) change { return func(o *check.Options) { o.Name = "theirs.nl" } },
			step:  check.StepDomain, status: check.Problem, words: []string{"has no domain that covers _acme-challenge.theirs.nl."}, outcome: check.Trouble,
		},
		{
			claim: "name below the zone",
			set:   func(world) change { return func(o *check.Options) { o.Name = "*.a.b.example.nl" } },
			step:  check.StepDomain, status: check.OK, words: []string{"example.nl, which covers _acme-challenge.a.b.example.nl"}, outcome: check.Well,
		},
		{
			claim: "linked zone", zone: sim.Zone{Template: "web"}, step: check.StepManaged, status: check.Problem,
			words: []string{"linked to template web", "Unlink"}, outcome: check.Trouble,
		},
		{
			claim: "secondary zone", zone: sim.Zone{Master: "primary.test"}, step: check.StepManaged, status: check.Problem,
			words: []string{"secondary zone of primary.test"}, outcome: check.Trouble,
		},
		{
			claim: "zone pending deletion", zone: sim.Zone{DeletionDate: "2026-12-01T00:00:00Z"}, step: check.StepManaged, status: check.Problem,
			words: []string{"pending deletion", "Restore"}, outcome: check.Trouble,
		},
		{
			claim: "zone pending deletion since the list of zones",
			set: func(w world) change {
				return func(o *check.Options) {
					host := o.Host.(*realtimeregistercheck.Host) //nolint:errcheck,forcetypeassert // options made it
					host.API.Transport = beforeRead{host.API.Transport, func() { w.api.SetSetting(w.zone, "deletionDate", `"2026-12-01T00:00:00Z"`) }}
				}
			},
			step: check.StepManaged, status: check.Problem, words: []string{"pending deletion", "Restore"}, outcome: check.Trouble,
		},
		{
			claim: "zone without records", zone: sim.Zone{Records: []string{}}, step: check.StepManaged, status: check.Problem,
			words: []string{"no records", "Add a TXT record"}, outcome: check.Trouble,
		},
		{
			claim: "two zones of one name, and one pending deletion",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, NS: []string{"ns1.brand.test"}, Records: others()})
				w.api.AddZone("reseller", sim.Zone{Name: domain, Undelegated: true, DeletionDate: "2026-12-01T00:00:00Z", Records: others()})
				return nil
			},
			step: check.StepManaged, status: check.Problem,
			words: []string{
				"more than once: BASIC with nameservers ns1.yoursrs.com and ns2.yoursrs.com and PREMIUM with nameservers ns1.brand.test.", "Set service",
			},
			outcome: check.Trouble,
		},
		{
			claim: "two zones of one name, service set",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, NS: []string{"ns1.brand.test"}, Records: others()})
				return func(o *check.Options) { h := w.host(); h.Service = "BASIC"; o.Host = h }
			},
			step: check.StepManaged, status: check.OK, words: []string{"BASIC zone"}, outcome: check.Well,
		},
		{
			claim: "two zones of one name, nameservers of the delegated one",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, NS: []string{"ns1.brand.test"}, Records: others()})
				return nil
			},
			step: check.StepDelegation, status: check.OK, words: []string{"ns1.yoursrs.com"}, outcome: check.Trouble,
		},
		{
			claim: "linked zone, nameservers", zone: sim.Zone{Template: "web"},
			step: check.StepDelegation, status: check.OK, words: []string{"ns1.yoursrs.com"}, outcome: check.Trouble,
		},
		{
			claim: "two zones of one name, one pending deletion",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, DeletionDate: "2026-12-01T00:00:00Z", Records: others()})
				return nil
			},
			step: check.StepManaged, status: check.OK, words: []string{"BASIC zone"}, outcome: check.Well,
		},
		{
			claim: "service set to a zone pending deletion",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, DeletionDate: "2026-12-01T00:00:00Z", Records: others()})
				return func(o *check.Options) { h := w.host(); h.Service = "PREMIUM"; o.Host = h }
			},
			step: check.StepManaged, status: check.Problem, words: []string{"PREMIUM zone example.nl not found", "PREMIUM (pending deletion)"}, outcome: check.Trouble,
		},
		{
			claim: "two zones of one name, service set to the undelegated one",
			set: func(w world) change {
				w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, NS: []string{"ns1.brand.test"}, Records: others()})
				return func(o *check.Options) { h := w.host(); h.Service = "PREMIUM"; o.Host = h }
			},
			step: check.StepDelegation, status: check.Problem, words: []string{"at its registrar to ns1.brand.test"}, outcome: check.Trouble,
		},
		{
			claim: "no zone of this service",
			set: func(w world) change {
				return func(o *check.Options) { h := w.host(); h.Service = "PREMIUM"; o.Host = h }
			},
			step: check.StepManaged, status: check.Problem, words: []string{"PREMIUM zone example.nl not found: BASIC"}, outcome: check.Trouble,
		},
		{
			claim: "zone with its own nameservers", zone: sim.Zone{NS: []string{"ns1.yoursrs.com"}},
			step: check.StepDelegation, status: check.OK, words: []string{"ns1.yoursrs.com"}, outcome: check.Well,
		},
		{
			claim: "MX without prio", zone: withRecords(sim.Record("example.nl", "MX", "mx2.example.nl", 300)),
			step: check.StepRecords, status: check.Problem, words: []string{"example.nl MX (it has no prio)", "Correct the record"}, outcome: check.Trouble,
		},
		{
			claim: "NS of the zone itself", zone: withRecords(sim.Record("example.nl", "NS", "ns.old.test", 300)),
			step: check.StepRecords, status: check.Problem, words: []string{"example.nl NS"}, outcome: check.Trouble,
		},
		{
			claim: "NS below the zone", zone: withRecords(sim.Record("sub.example.nl", "NS", "ns.old.test", 300)),
			step: check.StepRecords, status: check.OK, outcome: check.Well,
		},
		{
			claim: "TTL out of bounds", zone: withRecords(sim.Record("a.example.nl", "A", "192.0.2.1", 0)),
			step: check.StepRecords, status: check.Problem, words: []string{"a.example.nl A (its ttl is out of bounds)"}, outcome: check.Trouble,
		},
		{
			claim: "record of another zone", zone: withRecords(sim.Record("a.other.nl", "A", "192.0.2.1", 300)),
			step: check.StepRecords, status: check.Problem, words: []string{"a.other.nl A (its name is not in the zone)"}, outcome: check.Trouble,
		},
		{
			claim: "quotes, short TTL and duplicate",
			zone: withRecords(sim.Record("q.example.nl", "TXT", `"quoted"`, 300), sim.Record("s.example.nl", "A", "192.0.2.1", 30),
				sim.Record("www.example.nl", "A", "192.0.2.10", 3600)),
			step: check.StepRecords, status: check.Unknown,
			words: []string{
				"q.example.nl TXT (its content is within quotes)", "s.example.nl A (its ttl is less than 60)",
				"www.example.nl A (it is a duplicate)", "--write",
			},
			outcome: check.Unclear,
		},
		{
			claim: "values under the challenge's name", zone: withRecords(sim.Record("_acme-challenge.example.nl", "TXT", value, 60),
				sim.Record("_acme-challenge.example.nl", "TXT", "x\x1b[31m", 60)),
			step: check.StepValues, status: check.OK, words: []string{"has 2 TXT values", `"` + value + `"`, `"x\x1b[31m"`}, outcome: check.Well,
		},
		{
			claim: "list without all records", zone: withRecords(sim.Record("_acme-challenge.example.nl", "TXT", value, 60)),
			set:  func(w world) change { w.api.Inject(sim.Fault{Kind: sim.ShortRead(), Op: sim.OpListZones}); return nil },
			step: check.StepValues, status: check.OK, words: []string{"has 1 TXT value"}, outcome: check.Well,
		},
		{
			claim: "name that only a wildcard covers",
			zone:  withRecords(sim.Record("*.example.nl", "A", "192.0.2.1", 60), sim.Record("_acme-challenge.shop.example.nl", "TXT", value, 60)),
			set:   func(world) change { return func(o *check.Options) { o.Name = "shop.example.nl" } },
			step:  check.StepWildcard, status: check.Problem,
			words:   []string{"resolves through *.example.nl (A)", "does not resolve", "Add a record for shop.example.nl", "certificate for *.example.nl"},
			outcome: check.Trouble,
		},
		{
			claim: "CNAME into another zone of the account",
			set: func(w world) change {
				w.api.AddStaticZone("delegated.test", sim.Record("_acme-challenge.delegated.test", "CNAME", "x.example.nl", 60))
				return func(o *check.Options) { o.Name = "delegated.test" }
			},
			step: check.StepChallenge, status: check.OK, words: []string{"to x.example.nl", "Follow"}, outcome: check.Well,
		},
		{
			claim: "CAA allows another CA", zone: withRecords(sim.Record("example.nl", "CAA", `0 issue "other.test"`, 60)),
			step: check.StepCAA, status: check.Problem, words: []string{"issue names other.test"}, outcome: check.Trouble,
		},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.readings, c.zone, func(w world) {
				change := func(*check.Options) {}
				if c.set != nil {
					if set := c.set(w); set != nil {
						change = set
					}
				}
				r := w.run(change)
				checktest.WantStep(w.T, r, c.step, c.status, c.words...)
				checktest.WantOutcome(w.T, r, c.outcome)
			})
		})
	}
}

func TestProbe_WithLease(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{DNSLag: 54 * time.Second}, sim.Zone{}, func(w world) {
		r := w.run(w.withLeases)
		checktest.WantOutcome(t, r, check.Well)
		checktest.WantStep(t, r, check.StepWrite, check.OK, "A Lease in namespace webhook protected")
		checktest.WantStep(t, r, check.StepRead, check.OK, "at once")
		checktest.WantStep(t, r, check.StepNameservers, check.OK, "ns1.yoursrs.com after 54 s")
		checktest.WantStep(t, r, check.StepRemove, check.OK)
		if leases := w.cluster.Leases(); len(leases) != 1 || leases[0].Namespace != "webhook" {
			t.Errorf("got Leases %v", leases)
		}
	})
}

func TestProbe_WithoutCluster(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		r := w.run(write)
		checktest.WantOutcome(t, r, check.Well)
		checktest.WantStep(t, r, check.StepWrite, check.OK, "No Lease protected this write")
		updates := 0
		for _, request := range w.api.Requests() {
			if request.Op == sim.OpUpdateZone {
				updates++
			}
		}
		if updates != 2 {
			t.Errorf("got %d updates, want 2", updates)
		}
	})
}

func TestProbe_Fails(t *testing.T) {
	t.Parallel()
	const everyLease = "Use an account that may get, create and update Leases"
	for _, c := range []struct {
		claim   string
		zone    sim.Zone
		set     func(world)
		change  func(world, *check.Options)
		status  check.Status
		words   []string
		outcome check.Outcome
	}{
		{
			claim: "key without UPDATE_DNS_ZONE", set: func(w world) { w.api.SetReadOnly(testKey) },
			status: check.Problem, words: []string{"not allowed to update zones", "UPDATE_DNS_ZONE"}, outcome: check.Trouble,
		},
		{
			claim: "record that blocks updates", zone: sim.Zone{Records: append(others(), sim.Record("q.example.nl", "TXT", `"quoted"`, 300))},
			status: check.Problem, words: []string{"q.example.nl TXT blocks every update"}, outcome: check.Trouble,
		},
		{
			claim: "Leases forbidden", change: world.withLeases,
			set: func(w world) {
				w.cluster.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: 403} })
			},
			status: check.Problem, words: []string{"Leases", everyLease}, outcome: check.Trouble,
		},
		{
			claim: "Lease API fails", change: world.withLeases,
			set: func(w world) {
				w.cluster.Inject(func(leasetest.Request) leasetest.Fault { return leasetest.Fault{Status: 500} })
			},
			status: check.Problem, words: []string{"Lease", everyLease}, outcome: check.Trouble,
		},
		{
			claim: "Lease of another process", change: world.withLeases,
			set: func(w world) {
				other := kubelease.New("webhook")
				if err := other.Connect(w.cluster.Config(nil)); err != nil {
					w.Fatal(err)
				}
				if _, err := other.Acquire(w.Context(), fmt.Sprintf("realtime-register %s %d", domain, w.zone)); err != nil {
					w.Fatal(err)
				}
			},
			status: check.Unknown, words: []string{"another webhook process has the Lease", "in a few minutes"}, outcome: check.Unclear,
		},
		{
			claim: "reads by id older than the list",
			set: func(w world) {
				w.api.Reconfigure(func(o *sim.Options) { o.History = time.Hour })
				w.api.AddRecord(w.zone, sim.Record("new.example.nl", "A", "192.0.2.10", 3600))
				w.api.Inject(sim.Fault{Kind: sim.StaleRead(time.Minute), Op: sim.OpReadZone, Skip: 1, Until: 40 * time.Second})
			},
			status: check.Unknown, words: []string{"outdated or incomplete", "in a few minutes"}, outcome: check.Unclear,
		},
		{
			claim: "slow lookup of the zone",
			set: func(w world) { // after the check's own two
				w.api.Inject(sim.Fault{Kind: sim.Hang(), Op: sim.OpListZones, Skip: 2, Times: 1})
				w.api.Inject(sim.Fault{Kind: sim.Late(7*time.Second, sim.Status(503)), Op: sim.OpListZones, Skip: 2, Times: 1})
			},
			status: check.Unknown, words: []string{"Realtime Register is too slow", "in a few minutes"}, outcome: check.Unclear,
		},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, c.zone, func(w world) {
				if c.set != nil {
					c.set(w)
				}
				r := w.run(write, func(o *check.Options) {
					if c.change != nil {
						c.change(w, o)
					}
				})
				checktest.WantStep(t, r, check.StepWrite, c.status, c.words...)
				checktest.WantOutcome(t, r, c.outcome)
			})
		})
	}
}

// A cancelled update could take effect later, so the check lets it finish.
func TestProbe_InterruptedAtAnyCall(t *testing.T) {
	t.Parallel()
	calls := 0
	for n := 0; n <= calls; n++ { // zero: not interrupted
		inBubble(t, sim.Options{Latency: 2 * time.Second}, sim.Zone{}, func(w world) {
			ctx, interrupt := context.WithCancel(w.Context())
			defer interrupt()
			seen := 0
			w.api.Inject(sim.Fault{Kind: sim.Status(500), When: func(sim.Request) bool {
				seen++
				if seen == n {
					interrupt()
				}
				return false
			}})
			r := w.runIn(ctx, write)
			if n == 0 {
				calls = int(r.APICalls)
				checktest.WantStep(t, r, check.StepRead, check.OK, "after 8 s")
				checktest.WantStep(t, r, check.StepNameservers, check.OK, "at once")
			}
			updates := 0
			for _, request := range w.api.Requests() {
				if request.Op != sim.OpUpdateZone {
					continue
				}
				updates++
				if request.Status == 0 {
					t.Errorf("interrupted at call %d: update was cancelled", n)
				}
			}
			if r.LeftBehind != "" {
				t.Errorf("interrupted at call %d: left behind %s", n, r.LeftBehind)
			}
			if updates > 0 {
				checktest.WantStep(t, r, check.StepWrite, check.OK)
				checktest.WantStep(t, r, check.StepRemove, check.OK)
			}
		})
	}
}

func TestProbe_Interrupted(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{DNSLag: time.Hour}, sim.Zone{}, func(w world) {
		ctx, interrupt := context.WithCancel(w.Context())
		defer interrupt()
		r := w.runIn(ctx, w.withLeases, func(o *check.Options) {
			o.OnStep = func(s check.Step) {
				if s.ID == check.StepRead {
					time.AfterFunc(5*time.Second, interrupt)
				}
			}
		})
		checktest.WantStep(t, r, check.StepNameservers, check.Unknown, "inconclusive: the check was interrupted")
		checktest.WantStep(t, r, check.StepRemove, check.OK)
	})
}

// Even without a Lease that stores the note, nothing is written for a minute.
func TestProbe_UncertainUpdate(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.api.Inject(sim.Fault{Kind: sim.DropThenEffect(40 * time.Second), Op: sim.OpUpdateZone, Times: 1})
		r := w.run(write)
		checktest.WantStep(t, r, check.StepWrite, check.Unknown, "is unconfirmed", "in a few minutes")
		checktest.WantStep(t, r, check.StepRemove, check.OK)
		time.Sleep(2 * time.Minute)
		if got := w.api.Records(w.zone); len(got) != len(others()) {
			t.Errorf("got records %q", got)
		}
	})
}

func TestProbe_NamesLeftOvers(t *testing.T) {
	t.Parallel()
	left := "_mijn-host-webhook-check-abc.example.nl"
	inBubble(t, sim.Options{}, sim.Zone{Records: append(others(), sim.Record(left, "TXT", "x", 60))}, func(w world) {
		r := w.run(write)
		if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, left) }) {
			t.Errorf("got notes %q", r.Notes)
		}
	})
}

func TestValidate_Service(t *testing.T) {
	t.Parallel()
	h := &realtimeregistercheck.Host{Service: "basic", ValidateBaseURL: func(string) error { return nil }}
	if err := h.Validate(); err == nil || !strings.Contains(err.Error(), "BASIC or PREMIUM") {
		t.Errorf("got %v", err)
	}
}

func TestWildcard_OwnRecord(t *testing.T) {
	t.Parallel()
	wildcard := sim.Record("*.example.nl", "A", "192.0.2.1", 60)
	for claim, c := range map[string]struct {
		name    string
		records []string
	}{
		"domain itself":                          {"example.nl", []string{wildcard}},
		"wildcard certificate":                   {"*.example.nl", []string{wildcard}},
		"name with a record":                     {"www.example.nl", []string{wildcard}},
		"empty non-terminal":                     {"shop.example.nl", []string{wildcard, sim.Record("a.shop.example.nl", "A", "192.0.2.1", 60)}},
		"no wildcard":                            {"shop.example.nl", nil},
		"another record at the challenge's name": {"shop.example.nl", []string{wildcard, sim.Record("_acme-challenge.shop.example.nl", "A", "192.0.2.1", 60)}},
		"closer existing name":                   {"a.shop.example.nl", []string{wildcard, sim.Record("shop.example.nl", "A", "192.0.2.1", 60)}},
		"delegated challenge": {"shop.example.nl", []string{
			wildcard, sim.Record("_acme-challenge.shop.example.nl", "CNAME", "x.example.nl", 60),
		}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{Records: append(others(), c.records...)}, func(w world) {
				r := w.run(func(o *check.Options) { o.Name = c.name })
				checktest.WantNoStep(t, r, check.StepWildcard)
			})
		})
	}
}

func TestRemoveValue(t *testing.T) {
	t.Parallel()
	at := func(v string) string { return sim.Record("_acme-challenge.example.nl", "TXT", v, 60) }
	zone := sim.Zone{Records: append(others(), at(value), at(value+"x"), sim.Record("_acme-challenge.www.example.nl", "TXT", value, 60))}
	for claim, c := range map[string]struct {
		change func(*check.Options)
		fault  func(interrupt func()) sim.Fault // of the update
		status check.Status
		words  []string
		left   int
	}{
		"named":           {nil, nil, check.OK, []string{"from _acme-challenge.example.nl, and nothing else"}, 1},
		"part of a value": {func(o *check.Options) { o.RemoveValue = value[:20] }, nil, check.Problem, []string{"nothing removed", "--remove-value"}, 2},
		"domain not allowed": {
			func(o *check.Options) { o.AllowedDomains = []string{"other.nl"} }, nil, check.Problem, []string{"--allowed-domains does not cover"}, 2,
		},
		"interrupted during the update": {nil, func(interrupt func()) sim.Fault {
			return sim.Fault{Kind: sim.Status(500), When: func(sim.Request) bool { interrupt(); return false }}
		}, check.OK, nil, 1},
		"update without effect or answer": {nil, func(func()) sim.Fault { return sim.Fault{Kind: sim.Hang()} }, check.Problem, []string{"may still be at"}, 2},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, zone, func(w world) {
				w.api.DeclareChallenge("_acme-challenge.example.nl.")
				before, start := w.api.Records(w.zone), time.Now()
				ctx, interrupt := context.WithCancel(w.Context())
				defer interrupt()
				if c.fault != nil {
					f := c.fault(interrupt)
					f.Op = sim.OpUpdateZone
					w.api.Inject(f)
				}
				r, err := check.Run(ctx, w.options(func(o *check.Options) {
					o.RemoveValue = value
					if c.change != nil {
						c.change(o)
					}
				}))
				if err != nil {
					t.Fatal(err)
				}
				checktest.WantStep(t, r, check.StepRemoveValue, c.status, c.words...)
				if ctx.Err() == nil {
					checktest.WantStep(t, r, check.StepWrite, check.Skipped)
				}
				if elapsed := time.Since(start); elapsed > 30*time.Second {
					t.Errorf("took %s", elapsed)
				}
				if got := w.api.TXTValues(w.zone, "_acme-challenge.example.nl"); len(got) != c.left || len(w.api.Records(w.zone)) != len(before)-2+c.left {
					t.Errorf("got records %q", w.api.Records(w.zone))
				}
			})
		})
	}
}

// The probe and --remove-value use the zone that --realtimeregister-service selects.
func TestWrites_OneOfTwoZones(t *testing.T) {
	t.Parallel()
	at := sim.Record("_acme-challenge.example.nl", "TXT", value, 60)
	for claim, c := range map[string]struct {
		change func(*check.Options)
		step   check.StepID
		left   int
	}{
		"probe":          {write, check.StepWrite, 1},
		"--remove-value": {func(o *check.Options) { o.RemoveValue = value }, check.StepRemoveValue, 0},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{Records: append(others(), at)}, func(w world) {
				other := w.api.AddZone("reseller", sim.Zone{Name: domain, Service: "PREMIUM", Undelegated: true, NS: []string{"ns1.brand.test"}, Records: append(others(), at)})
				w.api.DeclareChallenge("_acme-challenge.example.nl.")
				r, err := check.Run(w.Context(), w.options(c.change, func(o *check.Options) { h := w.host(); h.Service = "BASIC"; o.Host = h }))
				if err != nil {
					t.Fatal(err)
				}
				checktest.WantStep(t, r, c.step, check.OK)
				if got := len(w.api.TXTValues(w.zone, "_acme-challenge.example.nl")); got != c.left {
					t.Errorf("got %d values, want %d", got, c.left)
				}
				if got := len(w.api.TXTValues(other, "_acme-challenge.example.nl")); got != 1 {
					t.Errorf("got %d values in the other zone, want 1", got)
				}
			})
		})
	}
}

// The report says whether a Lease protected the removal.
func TestRemoveValue_WithLease(t *testing.T) {
	t.Parallel()
	at := sim.Record("_acme-challenge.example.nl", "TXT", value, 60)
	const none = "No Lease protected this write from the webhook's: "
	for claim, c := range map[string]struct {
		change func(world, *check.Options)
		words  string
	}{
		"Lease":        {func(world, *check.Options) {}, "A Lease in namespace webhook protected this write"},
		"no namespace": {func(w world, o *check.Options) { o.Host = w.host() }, none + "--lease-namespace"},
		"no cluster":   {func(_ world, o *check.Options) { o.Cluster = nil }, none + "no cluster configured"},
		"invalid cluster": {func(_ world, o *check.Options) {
			o.Cluster = func() (*rest.Config, error) { return &rest.Config{Host: "http://["}, nil }
		}, none + "no cluster configured"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{Records: append(others(), at)}, func(w world) {
				w.api.DeclareChallenge("_acme-challenge.example.nl.")
				r, err := check.Run(w.Context(), w.options(w.withLeases, func(o *check.Options) { c.change(w, o); o.Write, o.RemoveValue = false, value }))
				if err != nil {
					t.Fatal(err)
				}
				checktest.WantStep(t, r, check.StepRemoveValue, check.OK)
				if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, c.words) }) {
					t.Errorf("got notes %q, want %s", r.Notes, c.words)
				}
				if leases := len(w.cluster.Leases()); (leases == 1) != (claim == "Lease") {
					t.Errorf("got %d Leases", leases)
				}
			})
		})
	}
}

func TestProbe_RemovalFails(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
		w.api.Inject(sim.Fault{Kind: sim.Status(500), Op: sim.OpUpdateZone, Skip: 1})
		start := time.Now()
		r := w.run(write)
		checktest.WantStep(t, r, check.StepRemove, check.Problem, "may still be in the zone", "Delete the TXT record "+r.LeftBehind+" of example.nl")
		if !strings.HasPrefix(r.LeftBehind, "_mijn-host-webhook-check-") || time.Since(start) > 3*time.Minute {
			t.Errorf("got left-behind record %q after %s", r.LeftBehind, time.Since(start))
		}
	})
}

func TestProbe_RemovalRetried(t *testing.T) {
	t.Parallel()
	for _, kind := range []sim.Kind{sim.Status(400), sim.Hang()} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
				w.api.Inject(sim.Fault{Kind: kind, Op: sim.OpUpdateZone, Skip: 1, Times: 1})
				checktest.WantStep(t, w.run(write), check.StepRemove, check.OK)
			})
		})
	}
}

// The probe has the form of a challenge, which other zone writers expect to be removed, and no lower TTL than Realtime Register accepts.
func TestProbe_Record(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for ttl, want := range map[int]int{1: 60, 300: 300} {
		inBubble(t, sim.Options{}, sim.Zone{}, func(w world) {
			checktest.WantStep(t, w.run(write, func(o *check.Options) { o.TTL = ttl }), check.StepWrite, check.OK)
			sent := regexp.MustCompile(fmt.Sprintf(`"_mijn-host-webhook-check-\w+\.example\.nl","type":"TXT","content":"([\w-]{43})","ttl":%d`, want))
			if !slices.ContainsFunc(w.api.Requests(), func(r sim.Request) bool {
				found := sent.FindSubmatch(r.Body)
				if len(found) == 0 || seen[string(found[1])] {
					return false
				}
				seen[string(found[1])] = true
				return true
			}) {
				t.Errorf("TTL %d: got no write of a new value with TTL %d", ttl, want)
			}
		})
	}
}

func TestValidate_BaseURL(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	h := &realtimeregistercheck.Host{ValidateBaseURL: func(url string) error {
		if url != "http://rtr.test" {
			t.Errorf("got URL %q", url)
		}
		return failure
	}}
	h.API.BaseURL = "http://rtr.test"
	if err := h.Validate(); !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
}

func TestRecords_ProbeDecides(t *testing.T) {
	t.Parallel()
	inBubble(t, sim.Options{}, sim.Zone{Records: append(others(), sim.Record("q.example.nl", "TXT", `"quoted"`, 300))}, func(w world) {
		checktest.WantStep(t, w.run(write), check.StepRecords, check.OK, "The probe shows whether Realtime Register accepts: q.example.nl TXT")
	})
}

func TestRecords_Many(t *testing.T) {
	t.Parallel()
	for more, want := range map[int]string{0: "r8.example.nl A (its ttl is out of bounds) and r9.example.nl A", 1: "r9.example.nl A (its ttl is out of bounds) and 1 more.", 2: "and 2 more."} {
		records := others()
		for i := range 10 + more {
			records = append(records, sim.Record(fmt.Sprintf("r%d.example.nl", i), "A", "192.0.2.1", 0))
		}
		inBubble(t, sim.Options{}, sim.Zone{Records: records}, func(w world) {
			checktest.WantStep(t, w.run(), check.StepRecords, check.Problem, want)
		})
	}
}
