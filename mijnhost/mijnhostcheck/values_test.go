package mijnhostcheck_test

import (
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestWildcard(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.api.AddRecord(domain, record("A", "*.example.nl.", "192.0.2.10"))
		r := w.run(func(o *check.Options) { o.Name, o.ReadOnly = "shop.example.nl", true })
		wantStep(t, r, check.StepWildcard, check.Problem, "resolves through *.example.nl (A)", "Add a record for shop.example.nl")
	})
}

func TestRemoveValue(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		w.api.AddRecord(domain, record("TXT", "_acme-challenge.example.nl.", "of-a-challenge-2"))
		before := len(w.api.Records(domain))
		o := w.options()
		o.RemoveValue = "of-a-challenge"
		r, err := check.Run(w.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		wantStep(t, r, check.StepRemoveValue, check.OK, `Removed value "of-a-challenge"`)
		wantStep(t, r, check.StepWrite, check.Skipped)
		if got := w.api.Records(domain); len(got) != before-1 || !shows(got, "of-a-challenge-2") || shows(got, "of-a-challenge") {
			t.Errorf("got zone %v", got)
		}
	})
}

func shows(records []mijnhosttest.Record, value string) bool {
	for _, r := range records {
		if r.Value == value {
			return true
		}
	}
	return false
}
