package mijnhostcheck_test

import (
	"cmp"
	"context"
	"errors"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestValues_Challenges(t *testing.T) {
	t.Parallel()
	for claim, c := range map[string]struct {
		owners map[string]string
		err    error
		words  string
	}{
		"value of a Challenge":        {map[string]string{"of-a-challenge": "team/web"}, nil, "All belong to Challenges of this cluster."},
		"value of no Challenge":       {nil, nil, `Not of a Challenge in this cluster: "of-a-challenge".`},
		"Challenges cannot be listed": {nil, errors.New("forbidden"), "A value that belongs to no current challenge"},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				r := w.run(func(o *check.Options) {
					o.ReadOnly = true
					o.Challenges = func(ctx context.Context) (map[string]string, error) { return c.owners, cmp.Or(c.err, ctx.Err()) }
				})
				checktest.WantStep(t, r, check.StepValues, check.OK, c.words)
			})
		})
	}
}

func TestChallenge_CNAMEStrategy(t *testing.T) {
	t.Parallel()
	const own = "_acme-challenge.shop.example.nl"
	for claim, c := range map[string]struct {
		cname, strategy string
		status          check.Status
		words           string
		at              string // the name that the other steps check
	}{
		"CNAME and None":            {own + ".", "None", check.Problem, "Set the solver's cnameStrategy to Follow", "end.example.nl"},
		"CNAME and Follow":          {own + ".", "Follow", check.OK, "the solver follows it", "end.example.nl"},
		"CNAME":                     {own + ".", "", check.OK, "Set the solver's cnameStrategy to Follow", "end.example.nl"},
		"wildcard CNAME and Follow": {"*.shop.example.nl.", "Follow", check.Problem, "Set the solver's cnameStrategy to None", own},
		"wildcard CNAME and None":   {"*.shop.example.nl.", "None", check.OK, "leave it at None", own},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.api.AddRecord(domain, record("CNAME", c.cname, "target.example.nl."))
				w.api.AddRecord(domain, record("CNAME", "target.example.nl.", "end.example.nl."))
				r := w.run(func(o *check.Options) { o.Name, o.CNAMEStrategy, o.ReadOnly = "shop.example.nl", c.strategy, true })
				checktest.WantStep(t, r, check.StepChallenge, c.status, c.words)
				checktest.WantStep(t, r, check.StepDomain, check.OK, "covers "+c.at)
			})
		})
	}
}
