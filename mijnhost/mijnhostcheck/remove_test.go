package mijnhostcheck_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// hard returns readings that make it hard to see and to address what was written.
func hard() []mijnhosttest.Options {
	const s = time.Second
	shownForm := mijnhosttest.Options{DeleteShownForm: true, Names: mijnhosttest.NamesRelative, QuotedValues: true}
	stale, jitter, short, empty, oneCopy := shownForm, shownForm, shownForm, shownForm, shownForm
	stale.StaleReads, stale.DeleteAbsent = 12*s, mijnhosttest.DeleteAbsentSucceeds
	jitter.StaleReads, jitter.ReplicaJitter, jitter.DeleteAbsent = 12*s, true, mijnhosttest.DeleteAbsentSucceeds
	short.ShortAfterWrite = 6 * s
	empty.EmptyAfterWrite, empty.DeleteAbsent = 6*s, mijnhosttest.DeleteAbsentSucceeds
	oneCopy.PatchSame, oneCopy.DeleteOneCopy, oneCopy.StaleReads = mijnhosttest.PatchSameDuplicates, true, 5*s
	hidden := oneCopy
	hidden.EmptyAfterWrite = 8 * s
	return []mijnhosttest.Options{
		{},
		{Patch: mijnhosttest.PatchReplaces, DeleteAbsent: mijnhosttest.DeleteAbsentSucceeds, DNSLag: time.Minute},
		{Latency: 2 * s},
		shownForm, stale, jitter, short, empty, oneCopy, hidden,
	}
}

func TestProbe_InterruptedAtAnyCall(t *testing.T) {
	t.Parallel()
	for _, readings := range hard() {
		t.Run(readings.String(), func(t *testing.T) {
			t.Parallel()
			calls := 0
			inBubble(t, readings, func(w world) { calls = int(w.run().APICalls) })
			every := step(1 + calls/6)
			for n := 1 + first(every); n <= calls; n += every {
				inBubble(t, readings, func(w world) {
					ctx, interrupt := context.WithCancel(w.Context())
					defer interrupt()
					seen, interrupted := 0, time.Now()
					w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), When: func(mijnhosttest.Request) bool {
						seen++
						if seen == n {
							interrupt()
							interrupted = time.Now()
						}
						return false
					}})
					wantInterrupted(t, w.runIn(ctx), fmt.Sprintf("at call %d", n))
					if elapsed := time.Since(interrupted); readings.String() == "likely" && elapsed > 20*time.Second {
						t.Errorf("interrupted at call %d: took %s more", n, elapsed)
					}
					for _, r := range w.api.Requests() {
						if r.Method != http.MethodGet && r.Status == 0 {
							t.Errorf("interrupted at call %d: %s was canceled, and could take effect later", n, r.Method)
						}
					}
				})
			}
		})
	}
}

func TestProbe_InterruptedAtAnyTime(t *testing.T) {
	t.Parallel()
	for _, readings := range hard() {
		t.Run(readings.String(), func(t *testing.T) {
			t.Parallel()
			for range 2 {
				moment := time.Duration(rand.Int64N(int64(90 * time.Second)))
				inBubble(t, readings, func(w world) {
					ctx, cancel := context.WithTimeoutCause(w.Context(), moment, context.Canceled)
					defer cancel()
					wantInterrupted(t, w.runIn(ctx), "after "+moment.String())
				})
			}
		})
	}
}

// wantInterrupted checks the result of an interrupted or just finished check. run has checked the zone.
func wantInterrupted(t *testing.T, r *check.Result, when string) {
	t.Helper()
	if r.LeftBehind != "" {
		t.Errorf("interrupted %s: left behind %s\n%s", when, r.LeftBehind, checktest.Text(t, r))
	}
	if _, wrote := checktest.StepOf(r, check.StepWrite); wrote && r.API != nil {
		if _, removed := checktest.StepOf(r, check.StepRemove); !removed && !strings.Contains(checktest.Text(t, r), "Cannot write the probe record") {
			t.Errorf("interrupted %s: report does not mention the removal\n%s", when, checktest.Text(t, r))
		}
	}
	if all := r.Steps[len(r.Steps)-1].ID == check.StepRemove && r.Nameservers != nil; r.Outcome == check.Well && !all {
		t.Errorf("interrupted %s: got a report without problems\n%s", when, checktest.Text(t, r))
	}
}

func TestProbe_FaultsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	kinds := map[string]mijnhosttest.Kind{
		"400":                mijnhosttest.Status(400),
		"500":                mijnhosttest.Status(500),
		"HTML page":          mijnhosttest.HTMLPage(502),
		"truncated response": mijnhosttest.Truncated(),
		"400 after effect":   mijnhosttest.AfterEffect(mijnhosttest.Status(400)),
		"500 after effect":   mijnhosttest.AfterEffect(mijnhosttest.Status(500)),
		"reset after effect": mijnhosttest.DropAfter(),
		"empty read":         mijnhosttest.EmptyRead(),
		"null records":       mijnhosttest.NullRecords(),
		"short read":         mijnhosttest.ShortRead(),
		"rate-limited":       mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Second)),
		"server hangs":       mijnhosttest.Hang(),
	}
	for claim, kind := range kinds {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			in := []mijnhosttest.Options{
				{},
				{PatchSame: mijnhosttest.PatchSameDuplicates, DeleteOneCopy: true},
				{PatchSame: mijnhosttest.PatchSameFails},
			}
			for skip := first(10); skip < 40; skip += step(10) {
				inBubble(t, in[skip%len(in)], func(w world) {
					w.api.Inject(mijnhosttest.Fault{Kind: kind, Skip: skip, Times: 1})
					if r := w.run(); r.LeftBehind != "" {
						t.Errorf("fault at call %d: left a record behind: %s", skip+1, checktest.Text(t, r))
					}
				})
			}
		})
	}
}

func TestProbe_RemovalFails(t *testing.T) {
	t.Parallel()
	for words, fault := range map[string]mijnhosttest.Fault{
		"the API still shows it":                   {Op: mijnhosttest.OpDeleteRecord},
		"in the zone: mijn.host returned HTTP 500": {Op: mijnhosttest.OpReadRecords, Skip: 2},
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				fault.Kind = mijnhosttest.Status(500)
				w.api.Inject(fault)
				var removing time.Time
				r := w.run(func(o *check.Options) {
					o.OnProgress = onRemoving(func() { removing = time.Now() })
				})
				checktest.WantStep(t, r, check.StepRemove, check.Problem, "may still be in the zone", words, "Delete the TXT record "+r.LeftBehind+" of example.nl")
				if !strings.HasPrefix(r.LeftBehind, "_mijn-host-webhook-check-") || !strings.HasSuffix(r.LeftBehind, ".example.nl") {
					t.Errorf("got LeftBehind %q", r.LeftBehind)
				}
				if elapsed := time.Since(removing); elapsed < 85*time.Second || elapsed > 110*time.Second {
					t.Errorf("gave up after %s, want 90 s and up to one call", elapsed)
				}
			})
		})
	}
}

// Nothing but the probe is in the zone, so an empty read looks complete. A value that was shown is not gone because its DELETE fails
// and the next reads are empty.
func TestProbe_EmptyReadsAfterFailedDelete(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{EmptyAfterWrite: 6 * time.Second, DNSLag: time.Minute}, func(w world) {
		for _, r := range others() {
			w.api.DeleteRecord(domain, r)
		}
		removing := false
		w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(400), Times: 2, Op: mijnhosttest.OpDeleteRecord, When: func(r mijnhosttest.Request) bool {
			return removing && bytes.Contains(r.Body, []byte("second-"))
		}})
		r := w.run(func(o *check.Options) {
			o.OnProgress = onRemoving(func() { removing = true })
		})
		checktest.WantStep(t, r, check.StepRemove, check.OK, "Removed the probe record.")
	})
}

// Each PATCH writes the record and returns an error, and reads show it later. run requires that the record is removed.
func TestProbe_WriteFailsAfterEffect(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{DeleteShownForm: true, Names: mijnhosttest.NamesRelative, StaleReads: 12 * time.Second}, func(w world) {
		w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.AfterEffect(mijnhosttest.Status(400)), Op: mijnhosttest.OpPatchRecord})
		r := w.run()
		checktest.WantStep(t, r, check.StepWrite, check.Problem, "Cannot write the probe record")
		checktest.WantStep(t, r, check.StepRemove, check.OK, "No probe record in the zone.")
	})
}

// A cancelled write could take effect later, so the check lets it finish.
func TestProbe_InterruptedWhileWriting(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{Latency: 2 * time.Second}, func(w world) {
				ctx, interrupt := context.WithCancel(w.Context())
				defer interrupt()
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), When: func(r mijnhosttest.Request) bool {
					if r.Method == method {
						interrupt()
					}
					return false
				}})
				r := w.runIn(ctx)
				for _, r := range w.api.Requests() {
					if r.Method != http.MethodGet && r.Status == 0 {
						t.Errorf("%s was cancelled", r.Method)
					}
				}
				if deletes := w.api.CallsOf(mijnhosttest.OpDeleteRecord); method == http.MethodDelete && deletes != 1 {
					t.Errorf("got %d calls of DELETE, want none after the interruption", deletes)
				}
				if _, removed := checktest.StepOf(r, check.StepRemove); removed != (method == http.MethodPatch) { // a DELETE is sent first
					t.Errorf("got a removal step: %v\n%s", removed, checktest.Text(t, r))
				}
			})
		})
	}
}

func TestProbe_NamesLeftOvers(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		for _, value := range []string{"first", "second"} {
			w.api.AddRecord(domain, mijnhosttest.Record{Type: "TXT", Name: "_mijn-host-webhook-check-old.example.nl.", Value: value, TTL: 60})
		}
		r := w.run()
		checktest.WantOutcome(t, r, check.Well)
		if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "_mijn-host-webhook-check-old.example.nl") {
			t.Errorf("got notes %q", r.Notes)
		}
	})
}

// Challenge values come and go, so a read without them is complete.
func TestProbe_ChallengeEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(w world) {
		time.AfterFunc(time.Second, func() { w.api.DeleteRecord(domain, others()[3]) })
		r, err := check.Run(w.Context(), w.options())
		if err != nil {
			t.Fatal(err)
		}
		if reads := measured(r).Reads; reads.SettledAfter == nil || *reads.SettledAfter > 5 || reads.Incomplete != "no" {
			t.Errorf("got reads %+v, want settled within 5 s and complete\n%s", reads, checktest.Text(t, r))
		}
	})
}

// Once a deletion by another client is known, an omission of other records still counts.
func TestProbe_OtherClientDeletesRecord(t *testing.T) {
	t.Parallel()
	for incomplete, omits := range map[string]func(moment) bool{
		"no":    func(moment) bool { return false },
		"empty": func(m moment) bool { return m.patches == 3 && m.reads == 0 },
	} {
		t.Run(incomplete, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{DNSLag: 40 * time.Second}, func(w world) {
				time.AfterFunc(3*time.Second, func() { w.api.DeleteRecord(domain, others()[0]) })
				o := w.options()
				reading(w, &o, func(m moment, o *mijnhosttest.Options) {
					if omits(m) {
						o.EmptyAfterWrite = ever
					}
				}, nil)
				r, err := check.Run(w.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				checktest.WantOutcome(t, r, check.Well)
				checktest.WantStep(t, r, check.StepRemove, check.OK)
				if got := measured(r).Reads.Incomplete; got != incomplete {
					t.Errorf("got incomplete reads %q, want %q", got, incomplete)
				}
			})
		})
	}
}
