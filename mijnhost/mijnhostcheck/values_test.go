package mijnhostcheck_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestWildcard(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.api.AddRecord(domain, record("A", "*.example.nl.", "192.0.2.10"))
		w.api.AddRecord(domain, record("A", "*.example.nl.", "192.0.2.11"))
		r := w.run(func(o *check.Options) { o.Name, o.ReadOnly = "shop.example.nl", true })
		checktest.WantStep(t, r, check.StepWildcard, check.Problem, "resolves through *.example.nl (A)", "Add a record for shop.example.nl")
	})
}

func TestRemoveValue(t *testing.T) {
	t.Parallel()
	for claim, c := range map[string]struct {
		fault  func(interrupt func()) mijnhosttest.Fault
		status check.Status
		words  string
		left   bool
	}{
		"removed": {
			func(func()) mijnhosttest.Fault { return mijnhosttest.Fault{Kind: mijnhosttest.Slow(4 * time.Second)} },
			check.OK, `Removed value "of-a-challenge"`, false,
		},
		"interrupted while deleting": {func(interrupt func()) mijnhosttest.Fault {
			return mijnhosttest.Fault{Kind: mijnhosttest.Slow(time.Second), When: func(mijnhosttest.Request) bool { interrupt(); return true }}
		}, check.OK, "", false},
		"fails": {
			func(func()) mijnhosttest.Fault { return mijnhosttest.Fault{Kind: mijnhosttest.Status(500)} },
			check.Problem, `Value "of-a-challenge" may still be at _acme-challenge.example.nl`, true,
		},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.api.AddRecord(domain, record("TXT", "_acme-challenge.example.nl.", "of-a-challenge-2"))
				before := len(w.api.Records(domain))
				ctx, interrupt := context.WithCancel(w.Context())
				defer interrupt()
				f := c.fault(interrupt)
				f.Op = mijnhosttest.OpDeleteRecord
				w.api.Inject(f)
				o := w.options()
				o.RemoveValue = "of-a-challenge"
				r, err := check.Run(ctx, o)
				if err != nil {
					t.Fatal(err)
				}
				checktest.WantStep(t, r, check.StepRemoveValue, c.status, c.words)
				if ctx.Err() == nil {
					checktest.WantStep(t, r, check.StepWrite, check.Skipped)
				}
				if c.left && strings.Contains(checktest.Text(t, r), "Removed value") {
					t.Errorf("report says that the value is removed:\n%s", checktest.Text(t, r))
				}
				if got := w.api.Records(domain); !shows(got, "of-a-challenge-2") || shows(got, "of-a-challenge") != c.left || !c.left && len(got) != before-1 {
					t.Errorf("got zone %v", got)
				}
			})
		})
	}
}

// The report shows values without quotes, and at most ten.
func TestValues(t *testing.T) {
	t.Parallel()
	const at = "_acme-challenge.www.example.nl."
	for want, records := range map[string][]mijnhosttest.Record{
		"_acme-challenge.www.example.nl has no TXT values.":                               {record("A", at, "192.0.2.10"), record("TXT", "x."+at, "other")},
		`has 1 TXT value: "v".`:                                                           {record("txt", at, `"v"`)},
		`has 12 TXT values: "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" and 2 more.`: many(at, "abcdefghijkl"),
		`"i", "j" and 1 more.`:                                                            many(at, "abcdefghijk"),
		`"h", "i", "j".`:                                                                  many(at, "abcdefghij"),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				for _, r := range records {
					w.api.AddRecord(domain, r)
				}
				checktest.WantStep(t, w.run(func(o *check.Options) { o.Name, o.ReadOnly = "www.example.nl", true }), check.StepValues, check.OK, want)
			})
		})
	}
}

// many returns a TXT record for each letter.
func many(name, letters string) []mijnhosttest.Record {
	var records []mijnhosttest.Record
	for _, letter := range letters {
		records = append(records, record("TXT", name, string(letter)))
	}
	return records
}

func shows(records []mijnhosttest.Record, value string) bool {
	for _, r := range records {
		if r.Value == value {
			return true
		}
	}
	return false
}
