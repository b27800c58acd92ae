package realtimeregister_test

import (
	"context"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// oteLimit is the time limit for all questions.
const oteLimit = 20 * time.Minute

// Asks Realtime Register's test environment everything that is inferred or unknown, and prints each answer. It restores
// the zone. See docs/development.md.
func TestOTE(t *testing.T) {
	a := &asker{
		http: &http.Client{Timeout: 30 * time.Second}, base: os.Getenv("RTR_OTE_BASE_URL"), key: os.Getenv("RTR_OTE_API_KEY"),
		otherKey: os.Getenv("RTR_OTE_OTHER_KEY"), linked: os.Getenv("RTR_OTE_LINKED_ZONE"), secondary: os.Getenv("RTR_OTE_SECONDARY_ZONE"),
		deleted: os.Getenv("RTR_OTE_DELETED_ZONE"), nameserver: os.Getenv("RTR_OTE_NAMESERVER"),
	}
	zone := strings.TrimSuffix(os.Getenv("RTR_OTE_ZONE"), ".")
	if a.key == "" || zone == "" {
		t.Skip("RTR_OTE_API_KEY and RTR_OTE_ZONE are not set")
	}
	if a.base == "" {
		a.base = "https://api.yoursrs-ote.com/v2"
	}
	askAll(t, a, zone)
	presentAndCleanUp(t, a, zone)
}

// askAll returns the answers to all questions.
func askAll(t *testing.T, a *asker, zone string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oteLimit)
	defer cancel()
	a, err := a.open(ctx, zone)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.original.records) == 0 {
		t.Fatalf("zone %s has no records; add one, so that the zone is never empty", zone)
	}
	answers := map[string]string{}
	for _, q := range a.questions() {
		start := time.Now()
		answer, err := q.ask(ctx)
		if err != nil {
			t.Errorf("%s: %s %v", q.text, answer, err)
		} else {
			t.Logf("%s: %s (%s)", q.text, answer, time.Since(start).Round(100*time.Millisecond))
		}
		answers[q.text] = answer
		if err := a.restore(context.WithoutCancel(ctx)); err != nil {
			t.Fatalf("after %q: %v", q.text, err)
		}
	}
	return answers
}

// presentAndCleanUp does what the webhook does, and measures it.
func presentAndCleanUp(t *testing.T, a *asker, zone string) {
	t.Helper()
	leases := kubelease.New("webhook")
	if err := leases.Connect(leasetest.Start(t).Config(nil)); err != nil {
		t.Fatal(err)
	}
	p := realtimeregister.NewProvider(realtimeregister.Options{BaseURL: a.base, UserAgent: "cert-manager-webhook-mijn-host/test", Leases: leases})
	r := dnshost.TXT{Zone: zone + ".", FQDN: probeLabel + "." + zone + "."}
	for i, call := range []func(context.Context, string, dnshost.TXT) (dnshost.Result, error){p.Present, p.Present, p.CleanUp, p.CleanUp} {
		r.Value = acme(i % 2)
		start := time.Now()
		result, err := call(t.Context(), a.key, r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s of value %d: %s, %d calls", []string{"Present", "CleanUp"}[i/2], i%2, time.Since(start).Round(time.Millisecond), result.Calls)
	}
}

// With the simulator, each answer matches its reading.
func TestOTE_AnswersMatchReadings(t *testing.T) {
	t.Parallel()
	likely := map[string]string{
		"zones that the key can reach":            "4",
		"a list and a read show the same records": "yes",
		"a zone that does not exist":              "HTTP 400 ObjectDoesNotExist",
		"an invalid key":                          "HTTP 401 AuthenticationError",
		"a key bound to another address":          "HTTP 403 AuthorizationError",
		"forty reads in a row":                    "no limit",
		"the response to an update":               "HTTP 200, no body",
		"reads after an update":                   "shown after 0s, then 0 older reads, 0 incomplete ones",
		"signs of change":                         "updatedDate and defaultRecords",
		"two TXT values under one name":           "2 records",
		"order of records":                        "kept",
		"case of names":                           "kept",
		"exact duplicates":                        "refused: HTTP 400 DnsConfigurationException",
		"a TXT value in quotes":                   "refused: HTTP 400 DnsConfigurationException",
		"a TTL of 30":                             "accepted as 30",
		"lag of a nameserver":                     "not asked: set RTR_OTE_NAMESERVER to an address such as 192.0.2.1:53",
		"an update without records":               "keeps them",
		"an update without SOA fields":            "keeps them",
		"records posted to a linked zone":         "shows 1 records, refuses: HTTP 400 ObjectStatusProhibitsOperation",
		"records posted to a secondary zone":      "shows 1 records, refuses: HTTP 400 ObjectStatusProhibitsOperation",
		"an update of a zone pending deletion":    "restores it",
	}
	for name, c := range map[string]struct {
		reading sim.Options
		differs map[string]string
	}{
		"likely": {sim.Options{}, nil},
		"the second reading of each": {
			sim.Options{
				SOA: sim.SOAReset, Duplicates: sim.DuplicatesMerged, Update: sim.UpdateAccepted, UpdateBody: sim.UpdateBodyObject,
				Names: sim.NamesLower, Order: sim.OrderShuffled, Linked: sim.PostAccepted, Secondary: sim.PostIgnored, ShowTemplate: true,
				Deletion: sim.DeletionStays, Missing: sim.MissingNotFound, QuotedTXT: sim.QuotedKept, Signs: sim.SignsDate,
				RefusedAddress: sim.AddressUnauthorized, MinTTL: 60,
			},
			map[string]string{
				"an update without SOA fields":         "resets hostMaster, refresh",
				"exact duplicates":                     "merged",
				"the response to an update":            "HTTP 202, X-Process-Id, body {}",
				"case of names":                        "lower",
				"order of records":                     "changed",
				"records posted to a linked zone":      "shows 2 records, accepts them",
				"records posted to a secondary zone":   "shows 1 records, ignores them",
				"an update of a zone pending deletion": "leaves it pending",
				"a zone that does not exist":           "HTTP 404 ObjectDoesNotExist",
				"a TXT value in quotes":                "kept",
				"signs of change":                      "updatedDate",
				"a key bound to another address":       "HTTP 401 AuthenticationError",
				"a TTL of 30":                          "refused: HTTP 400 DnsConfigurationException",
			},
		},
		"the third reading of each": {
			sim.Options{
				Duplicates: sim.DuplicatesKept, Update: sim.UpdateProcess, Names: sim.NamesUpper, Deletion: sim.DeletionRefuses,
				QuotedTXT: sim.QuotedRemoved, Signs: sim.SignsNone, EffectDelay: 5 * time.Second,
			},
			map[string]string{
				"exact duplicates":                     "kept",
				"the response to an update":            "HTTP 200, X-Process-Id, no body",
				"case of names":                        "upper",
				"an update of a zone pending deletion": "refused: HTTP 400 ObjectStatusProhibitsOperation",
				"a TXT value in quotes":                "removed",
				"signs of change":                      "none",
				"reads after an update":                "shown after 5s, then 0 older reads, 0 incomplete ones",
			},
		},
		"one stale replica": {
			sim.Options{StaleReads: 20 * time.Second, Replicas: sim.ReplicasAlternate},
			map[string]string{"reads after an update": "shown after 1s, then 9 older reads, 0 incomplete ones"},
		},
		"incomplete reads": {
			sim.Options{ShortAfterWrite: 4 * time.Second},
			map[string]string{"reads after an update": "shown after 4s, then 0 older reads, 4 incomplete ones"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.reading.AllowHarm = true // it restores what an update without SOA fields resets
				api := sim.StartInMemory(t, c.reading)
				api.AddAccount("reseller", testKey, "tied")
				api.RefuseAddress("tied")
				zone := api.AddZone("reseller", sim.Zone{Name: "example.nl", Records: others(), HostMaster: "me@example.nl", Refresh: 7200})
				for name, z := range map[string]sim.Zone{
					"linked.nl":    {Template: "standard", TemplateRecords: []string{sim.Record("www.linked.nl", "A", "192.0.2.1", 300)}},
					"secondary.nl": {Master: "192.0.2.53"}, "deleted.nl": {DeletionDate: "2027-01-01T00:00:00Z"},
				} {
					z.Name, z.Records = name, []string{sim.Record(name, "A", "192.0.2.1", 300)}
					api.AddZone("reseller", z)
				}
				time.Sleep(time.Minute)
				start := time.Now()
				got := askAll(t, &asker{
					http: &http.Client{Transport: api.HTTPTransport()}, base: api.URL(), key: testKey,
					otherKey: "tied", linked: "linked.nl", secondary: "secondary.nl", deleted: "deleted.nl",
				}, "example.nl")
				if elapsed := time.Since(start); elapsed > oteLimit {
					t.Errorf("took %s", elapsed)
				}
				want := maps.Clone(likely)
				maps.Copy(want, c.differs)
				for question, answer := range want {
					if got[question] != answer {
						t.Errorf("%s: got %q, want %q", question, got[question], answer)
					}
				}
				if len(got) != len(want) {
					t.Errorf("got %d answers, want %d", len(got), len(want))
				}
				if api.EmptyUpdates() > 0 || api.Setting(zone, "refresh") != "7200" {
					t.Errorf("got %d empty updates, refresh %s", api.EmptyUpdates(), api.Setting(zone, "refresh"))
				}
				after, before := lowered(api.Records(zone)), lowered(others())
				slices.Sort(after)
				slices.Sort(before)
				if !slices.Equal(after, before) {
					t.Errorf("records:\n got %s\nwant %s", strings.Join(after, "\n     "), strings.Join(before, "\n     "))
				}
			})
		})
	}
}
