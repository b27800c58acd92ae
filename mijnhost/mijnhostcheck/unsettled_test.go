package mijnhostcheck_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// ever is an age at which a read shows the zone before the check.
const ever = time.Hour

// moment is when a read is sent. With the default readings, the first 3 DELETEs are of a missing record, and the fourth measures.
type moment struct {
	patches, deletes int           // so far
	reads            int           // since the last write
	since            time.Duration // the last write
}

// before is an age at which a read does not show the last write.
func (m moment) before() time.Duration { return m.since + time.Millisecond }

// reading sets StaleReads, ShortAfterWrite and EmptyAfterWrite for each read of the zone. They are zero unless set changes them.
// wrote, if not nil, is called after each write.
func reading(w world, o *check.Options, set func(moment, *mijnhosttest.Options), wrote func(moment)) {
	var m moment
	var at time.Time
	through(o, func(r *http.Request, send http.RoundTripper) (*http.Response, error) {
		isRead := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/dns")
		w.api.Reconfigure(func(o *mijnhosttest.Options) {
			o.StaleReads, o.ShortAfterWrite, o.EmptyAfterWrite = ever, 0, 0 // a write keeps the history for that age
			if isRead {
				m.since, o.StaleReads = time.Since(at), 0
				set(m, o)
				m.reads++
			}
		})
		a, err := send.RoundTrip(r)
		switch r.Method {
		case http.MethodPatch:
			m.patches++
		case http.MethodDelete:
			m.deletes++
		default:
			return a, err
		}
		at, m.reads = time.Now(), 0
		if wrote != nil {
			wrote(m)
		}
		return a, err
	})
}

// A measurement that reads do not settle on is empty, and the others are as without the disturbance.
func TestProbe_MeasuresThroughUnsettledReads(t *testing.T) {
	t.Parallel()
	alternate := func(m moment, o *mijnhosttest.Options) {
		if m.reads%3 == 2 {
			o.StaleReads = ever
		}
	}
	duplicates := mijnhosttest.Options{PatchSame: mijnhosttest.PatchSameDuplicates}
	for claim, c := range map[string]struct {
		readings mijnhosttest.Options
		set      func(moment, *mijnhosttest.Options)
		want     func(*mijnhostcheck.Behaviour)
	}{
		"never settle after the same value": {set: func(m moment, o *mijnhosttest.Options) {
			if m.patches == 3 {
				alternate(m, o)
			}
		}, want: func(b *mijnhostcheck.Behaviour) { b.PatchSameValue = "" }},
		"settle without the same value": {set: func(m moment, o *mijnhosttest.Options) {
			if m.patches == 3 {
				o.StaleReads = ever
			}
		}, want: func(b *mijnhostcheck.Behaviour) { b.PatchSameValue = "" }},
		"never settle before the DELETE": {set: func(m moment, o *mijnhosttest.Options) {
			if m.patches == 4 && m.deletes == 3 && m.reads >= 4 {
				alternate(m, o)
			}
		}, want: func(b *mijnhostcheck.Behaviour) { b.DeleteMatches = "" }},
		"never settle after the DELETE": {set: func(m moment, o *mijnhosttest.Options) {
			if m.deletes == 4 {
				alternate(m, o)
			}
		}, want: func(b *mijnhostcheck.Behaviour) { b.DeleteMatches = "" }},
		"empty after the same value": {set: func(m moment, o *mijnhosttest.Options) {
			if m.patches == 3 && m.reads < 6 {
				o.EmptyAfterWrite = ever
			}
		}},
		"stale for longer after the same value": {readings: duplicates, set: func(m moment, o *mijnhosttest.Options) {
			if m.patches == 3 && m.since < 3500*time.Millisecond {
				o.StaleReads = m.before()
			}
		}},
		"stale after the same value, for as long as empty after others": {readings: duplicates, set: func(m moment, o *mijnhosttest.Options) {
			switch {
			case m.since >= 8*time.Second:
			case m.patches == 3:
				o.StaleReads = m.before()
			case m.patches > 0:
				o.EmptyAfterWrite = ever
			}
		}},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.readings, func(w world) {
				r := w.run(func(o *check.Options) {
					o.Timeout = 10 * time.Minute
					reading(w, o, c.set, nil)
				})
				want := mijnhostcheck.Behaviour{
					PatchSecondValue: "adds", PatchSameValue: "keeps", DeleteAbsent: "fails", DeleteAbsentStatus: 400, DeleteMatches: "any-form",
					Names: "absolute", Values: "bare", TTLSent: 60, TTLShown: 60, Reads: measured(r).Reads,
				}
				if c.readings.PatchSame == mijnhosttest.PatchSameDuplicates {
					want.PatchSameValue, want.DeleteCopies = "duplicates", "all"
				}
				if c.want != nil {
					c.want(&want)
				}
				if got := *measured(r); got != want {
					t.Errorf("measured:\n got %+v\nwant %+v", got, want)
				}
				checktest.WantStep(t, r, check.StepRemove, check.OK, "Removed the probe record.")
			})
		})
	}
}

// A single read that omits other records counts as incomplete, also half a minute after another one, and the reads before it do
// not count as settled.
func TestProbe_MeasuresMomentaryOmissions(t *testing.T) {
	t.Parallel()
	for claim, c := range map[string]struct {
		again           bool
		atLeast, atMost float64
	}{
		"once":                      {false, 0.5, 0.5},
		"again half a minute later": {true, 2, 5}, // after the wait for a DELETE
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{DNSLag: 45 * time.Second}, func(w world) {
				r := w.run(func(o *check.Options) {
					reading(w, o, func(m moment, o *mijnhosttest.Options) {
						if m.patches == 1 && m.reads == 1 || c.again && m.deletes == 4 && m.reads == 0 {
							o.ShortAfterWrite = ever
						}
					}, nil)
				})
				got := measured(r).Reads
				if got.Incomplete != "short" || got.IncompleteFor < c.atLeast || got.IncompleteFor > c.atMost || *got.SettledAfter <= 0.5 {
					t.Errorf("got %+v, settled after %g s", got, *got.SettledAfter)
				}
			})
		})
	}
}

// run requires that the probe record is removed.
func TestProbe_ReadsGoBackwardsDuringRemoval(t *testing.T) {
	t.Parallel()
	const whole = 0                                           // the check is not interrupted
	slowDNS := mijnhosttest.Options{DNSLag: 45 * time.Second} // so that the removal need not wait for the age of a value
	shownForm := mijnhosttest.Options{DeleteShownForm: true, Names: mijnhosttest.NamesRelative}
	for claim, c := range map[string]struct {
		readings mijnhosttest.Options
		after    int                                            // interrupted after that many PATCHes
		set      func(n int, m moment, o *mijnhosttest.Options) // for the n-th read of the removal, from zero
		deletes  mijnhosttest.Kind                              // of the first DELETE of a form that reads show
	}{
		"two reads from before the check": {readings: slowDNS, after: whole, set: func(n int, _ moment, o *mijnhosttest.Options) {
			if n < 2 {
				o.StaleReads = ever
			}
		}},
		"one of two values, then none": {after: 2, set: func(n int, m moment, o *mijnhosttest.Options) {
			switch n {
			case 0:
				o.StaleReads = m.before()
			case 1, 2:
				o.StaleReads = ever
			}
		}},
		"never shown, and the first DELETE fails": {after: 1, set: func(_ int, _ moment, o *mijnhosttest.Options) {
			o.StaleReads = ever
		}, deletes: mijnhosttest.Status(400)},
		"shown late, and the first DELETE has no effect": {readings: shownForm, after: 1, set: func(n int, _ moment, o *mijnhosttest.Options) {
			if n < 3 {
				o.StaleReads = ever
			}
		}, deletes: mijnhosttest.ErrorInside200(200, "OK")},
		"shown, then empty; the first DELETE has no effect": {readings: shownForm, after: 1, set: func(n int, _ moment, o *mijnhosttest.Options) {
			if n == 1 || n == 2 {
				o.EmptyAfterWrite = ever
			}
		}, deletes: mijnhosttest.ErrorInside200(200, "OK")},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.readings, func(w world) {
				ctx, interrupt := context.WithCancel(w.Context())
				defer interrupt()
				removing, n := false, -1
				if c.deletes.String() != "" {
					w.api.Inject(mijnhosttest.Fault{Kind: c.deletes, Op: mijnhosttest.OpDeleteRecord, Times: 1, When: func(r mijnhosttest.Request) bool {
						return removing && (!c.readings.DeleteShownForm || !bytes.Contains(r.Body, []byte(domain)))
					}})
				}
				r := w.runIn(ctx, func(o *check.Options) {
					announced := 0
					o.OnProgress = onRemoving(func() { // first for the measurement
						announced++
						removing = removing || announced == 2
					})
					reading(w, o, func(m moment, o *mijnhosttest.Options) {
						if removing {
							n++
							c.set(n, m, o)
						}
					}, func(m moment) {
						if c.after != whole && m.patches == c.after {
							removing = true
							interrupt()
						}
					})
				})
				checktest.WantStep(t, r, check.StepRemove, check.OK, "Removed the probe record.")
			})
		})
	}
}
