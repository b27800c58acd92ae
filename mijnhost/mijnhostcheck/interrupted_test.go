package mijnhostcheck_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// hangingDNS blocks the queries that hangs selects, except the first skip of them, until the check ends.
type hangingDNS struct {
	check.DNS
	hangs func(query check.Query) bool
	skip  int
}

func (h *hangingDNS) Resolve(ctx context.Context, query check.Query) (*check.Answer, error) {
	if h.isNext(query) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.DNS.Resolve(ctx, query)
}

func (h *hangingDNS) Ask(ctx context.Context, nameserver netip.Addr, query check.Query) (*check.Answer, error) {
	if h.isNext(query) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.DNS.Ask(ctx, nameserver, query)
}

func (h *hangingDNS) isNext(query check.Query) bool {
	if !h.hangs(query) {
		return false
	}
	h.skip--
	return h.skip < 0
}

// A check that ends during a step says so there, takes no later step that needs an answer, and is inconclusive.
func TestInterrupted_AtAStep(t *testing.T) {
	t.Parallel()
	hang := func(op mijnhosttest.Operation) func(world) {
		return func(w world) { w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Hang(), Op: op}) }
	}
	for claim, c := range map[string]struct {
		set   func(world)
		hangs func(query check.Query) bool
		skip  int
		step  check.StepID // reports the interruption; empty if no step does
		words string       // before the reason
		last  check.StepID
	}{
		"list of domains": {set: hang(mijnhosttest.OpListDomains), step: check.StepKey, words: ": the check ", last: check.StepKey},
		"lookup of a domain": {
			set: func(w world) {
				hang(mijnhosttest.OpReadRecords)(w)
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.NoDomains(), Op: mijnhosttest.OpListDomains})
			},
			step: check.StepDomain, words: "a lookup of its parents was inconclusive: the check ", last: check.StepDomain,
		},
		"records": {set: hang(mijnhosttest.OpReadRecords), step: check.StepManaged, words: ": the check ", last: check.StepManaged},
		"CNAME": {
			hangs: func(q check.Query) bool { return q.Type == dns.TypeCNAME },
			step:  check.StepChallenge, words: "whether _acme-challenge.example.nl is a CNAME: the check ", last: check.StepManaged,
		},
		"delegation": {
			hangs: func(q check.Query) bool { return q.Type == dns.TypeNS },
			step:  check.StepDelegation, words: "the delegation of example.nl: the check ", last: check.StepDelegation,
		},
		"nameserver addresses": {hangs: func(q check.Query) bool { return q.Type == dns.TypeSOA && !q.Recursive }, last: check.StepDelegation},
		"CAA": {
			hangs: func(q check.Query) bool { return q.Type == dns.TypeCAA }, skip: 1, // of StepResolution
			step: check.StepCAA, words: "CAA records for letsencrypt.org: the check ", last: check.StepCAA,
		},
	} {
		for why, remedy := range map[string]string{"was interrupted": "Run it again.", "timed out": "Increase --timeout."} {
			if why == "timed out" && c.hangs == nil {
				continue // a call of the API times out before the check
			}
			t.Run(claim+", "+why, func(t *testing.T) {
				t.Parallel()
				inBubble(t, mijnhosttest.Options{}, func(w world) {
					if c.set != nil {
						c.set(w)
					}
					ctx, interrupt := context.WithCancel(w.Context())
					defer interrupt()
					r := w.runIn(ctx, func(o *check.Options) {
						if c.hangs != nil {
							o.DNS = &hangingDNS{o.DNS, c.hangs, c.skip}
						}
						if why == "timed out" {
							o.Timeout = 2 * time.Second
						} else {
							time.AfterFunc(2*time.Second, interrupt)
						}
					})
					checktest.WantOutcome(t, r, check.Unclear)
					if last := r.Steps[len(r.Steps)-1].ID; last != c.last {
						t.Errorf("the last step is %s, want %s, in\n%s", last, c.last, checktest.Text(t, r))
					}
					if c.step != "" {
						checktest.WantStep(t, r, c.step, check.Unknown, c.words+why, remedy)
					}
					if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "This report is incomplete: the check "+why) }) {
						t.Errorf("got notes %q, want that the report is incomplete", r.Notes)
					}
				})
			})
		}
	}
}
