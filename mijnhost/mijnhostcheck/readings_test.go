package mijnhostcheck_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// everyReading includes readings that clients in live use contradict: the check reports them too.
func everyReading() []mijnhosttest.Options {
	return append(slices.Collect(mijnhosttest.EveryReading()),
		mijnhosttest.Options{Names: mijnhosttest.NamesRelative},
		mijnhosttest.Options{QuotedValues: true},
		mijnhosttest.Options{Names: mijnhosttest.NamesRelative, DeleteShownForm: true},
		mijnhosttest.Options{QuotedValues: true, DeleteShownForm: true},
		mijnhosttest.Options{Names: mijnhosttest.NamesRelative, QuotedValues: true, DeleteShownForm: true, Patch: mijnhosttest.PatchReplaces},
	)
}

func TestProbe_MeasuresBehaviour(t *testing.T) {
	t.Parallel()
	offset := first(8)
	for i, readings := range everyReading() {
		if i%step(8) != offset {
			continue
		}
		for _, oneCopy := range []bool{false, true} {
			readings := readings
			readings.DeleteOneCopy = oneCopy
			if readings.DeleteOneCopy && readings.PatchSame != mijnhosttest.PatchSameDuplicates {
				continue // measuring requires duplicates
			}
			t.Run(readings.String(), func(t *testing.T) {
				t.Parallel()
				inBubble(t, readings, func(w world) {
					r := w.run()
					checktest.WantOutcome(t, r, check.Well)
					wantBehaviour(t, measured(r), readings)
				})
			})
		}
	}
}

func TestProbe_MeasuresThroughStaleReads(t *testing.T) {
	t.Parallel()
	offset := first(8)
	for i, readings := range everyReading() {
		if i%step(8) != offset {
			continue
		}
		if readings.StatusText || readings.DeleteAbsent == mijnhosttest.DeleteAbsentNotFound {
			continue
		}
		readings.StaleReads, readings.ReplicaJitter = 6*time.Second, readings.DeleteShownForm
		t.Run(readings.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, readings, func(w world) {
				wantBehaviour(t, measured(w.run()), readings)
			})
		})
	}
}

// mijn.host sometimes refuses valid requests, so a measurement needs three refusals.
func TestProbe_MeasuresThroughRefusals(t *testing.T) {
	t.Parallel()
	readings := mijnhosttest.Options{PatchSame: mijnhosttest.PatchSameDuplicates, DeleteOneCopy: true}
	for op, last := range map[mijnhosttest.Operation]int{mijnhosttest.OpPatchRecord: 3, mijnhosttest.OpDeleteRecord: 4} {
		for skip := range last + 1 {
			inBubble(t, readings, func(w world) {
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(400), Op: op, Skip: skip, Times: 2})
				wantBehaviour(t, measured(w.run()), readings)
				if calls := w.api.CallsOf(op); calls < skip+2 {
					t.Errorf("got %d calls of %s, so that the fault after %d is unused", calls, op, skip)
				}
			})
		}
	}
}

// What could not be measured is empty. run requires that the probe record is removed.
func TestProbe_MeasuresThroughFailures(t *testing.T) {
	t.Parallel()
	patch := func(status, skip int) mijnhosttest.Fault {
		return mijnhosttest.Fault{Kind: mijnhosttest.Status(status), Op: mijnhosttest.OpPatchRecord, Skip: skip}
	}
	ignored := mijnhosttest.Fault{Kind: mijnhosttest.ErrorInside200(200, "OK"), Op: mijnhosttest.OpPatchRecord, Skip: 1, Times: 1}
	failing := func(skip int, until time.Duration) mijnhosttest.Fault {
		return mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Op: mijnhosttest.OpDeleteRecord, Skip: skip, Until: until}
	}
	for claim, c := range map[string]struct {
		fault mijnhosttest.Fault
		want  func(*mijnhostcheck.Behaviour) // changes what is measured without the fault
		notes int
	}{
		"second value refused": {patch(400, 1), func(b *mijnhostcheck.Behaviour) { b.PatchSecondValue, b.PatchSameValue, b.Names = "fails", "", "" }, 0},
		"second value fails":   {patch(500, 1), func(b *mijnhostcheck.Behaviour) { b.PatchSecondValue, b.PatchSameValue, b.Names = "", "", "" }, 0},
		"second value ignored": {ignored, func(b *mijnhostcheck.Behaviour) { b.PatchSecondValue, b.PatchSameValue, b.DeleteMatches = "", "", "" }, 1}, // the wait for it uses up --timeout
		"same value fails":     {patch(500, 2), func(b *mijnhostcheck.Behaviour) { b.PatchSameValue, b.Names = "", "" }, 1},
		"missing record fails": {failing(0, 30*time.Second), func(b *mijnhostcheck.Behaviour) { b.DeleteAbsent, b.DeleteAbsentStatus = "", 0 }, 1},
		"other form fails":     {failing(3, time.Minute), func(b *mijnhostcheck.Behaviour) { b.DeleteMatches = "" }, 1},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				w.api.Inject(c.fault)
				r := w.run()
				want := mijnhostcheck.Behaviour{
					PatchSecondValue: "adds", PatchSameValue: "keeps", DeleteAbsent: "fails", DeleteAbsentStatus: 400, DeleteMatches: "any-form",
					Names: "absolute", Values: "bare", TTLSent: 60, TTLShown: 60, Reads: measured(r).Reads,
				}
				c.want(&want)
				if got := *measured(r); got != want {
					t.Errorf("measured:\n got %+v\nwant %+v", got, want)
				}
				if len(r.Notes) != c.notes {
					t.Errorf("got notes %q, want %d", r.Notes, c.notes)
				}
				checktest.WantStep(t, r, check.StepRemove, check.OK, "Removed the probe record.")
			})
		})
	}
}

// A read shows each record in a form that no reading of the simulator has.
func TestProbe_MeasuresShownForms(t *testing.T) {
	t.Parallel()
	for claim, c := range map[string]struct {
		stored, shown, names string
		ttl                  int
	}{
		"TTL as sent":         {"", "", "absolute", 120},
		"another TTL":         {`"ttl":120`, `"ttl":300`, "absolute", 300},
		"names without a dot": {`.example.nl."`, `.example.nl"`, "absolute-without-dot", 120},
		"names in upper case": {`.example.nl."`, `.EXAMPLE.NL"`, "absolute-without-dot", 120},
	} {
		t.Run(claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(w world) {
				r := w.run(func(o *check.Options) {
					o.TTL = 120
					through(o, showing(c.stored, c.shown)) //nolint:bodyclose // the client closes it
				})
				checktest.WantOutcome(t, r, check.Well)
				if got := measured(r); got.TTLSent != 120 || got.TTLShown != c.ttl || got.Names != c.names {
					t.Errorf("got %+v", got)
				}
				for _, request := range w.api.Requests() {
					if request.Op == mijnhosttest.OpPatchRecord && !strings.Contains(string(request.Body), `"ttl":120`) {
						t.Errorf("wrote %s", request.Body)
					}
				}
			})
		})
	}
}

// wantBehaviour compares the measurement with the simulator's options.
func wantBehaviour(t *testing.T, got *mijnhostcheck.Behaviour, readings mijnhosttest.Options) {
	t.Helper()
	if got == nil {
		t.Fatal("no measurement")
	}
	want := mijnhostcheck.Behaviour{
		PatchSecondValue:   readings.Patch.String(),
		PatchSameValue:     readings.PatchSame.String(),
		DeleteAbsent:       "fails",
		DeleteAbsentStatus: 400,
		DeleteMatches:      "any-form",
		Names:              readings.Names.String(),
		Values:             "bare",
		TTLSent:            60,
		TTLShown:           60,
		Reads:              got.Reads,
	}
	switch {
	case readings.PatchSame != mijnhosttest.PatchSameDuplicates:
	case readings.Patch == mijnhosttest.PatchReplaces:
		want.PatchSameValue = "keeps" // indistinguishable, if PATCH replaces
	case readings.DeleteOneCopy:
		want.DeleteCopies = "one"
	default:
		want.DeleteCopies = "all"
	}
	switch readings.DeleteAbsent {
	case mijnhosttest.DeleteAbsentFails:
	case mijnhosttest.DeleteAbsentNotFound:
		want.DeleteAbsentStatus = 404
	case mijnhosttest.DeleteAbsentSucceeds:
		want.DeleteAbsent, want.DeleteAbsentStatus = "succeeds", 0
	}
	if readings.DeleteShownForm {
		want.DeleteMatches = "as-shown"
	}
	if readings.QuotedValues {
		want.Values = "quoted"
	}
	if *got != want {
		t.Errorf("measured:\n got %+v\nwant %+v", *got, want)
	}
}

func TestProbe_MeasuresReads(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, c := range []struct {
		claim      string
		readings   mijnhosttest.Options
		settled    time.Duration // up to two seconds more
		disagree   bool
		incomplete string
	}{
		{"fresh reads", mijnhosttest.Options{}, 0, false, "no"},
		{"no other records", mijnhosttest.Options{}, 0, false, ""},
		{"stale for 3 s", mijnhosttest.Options{StaleReads: 3 * s}, 3 * s, false, "no"},
		{"stale for 15 s", mijnhosttest.Options{StaleReads: 15 * s}, 15 * s, false, "no"},
		{"replicas disagree for 5 s", mijnhosttest.Options{StaleReads: 5 * s, ReplicaJitter: true}, 5 * s, true, "no"},
		{"short for 4 s", mijnhosttest.Options{ShortAfterWrite: 4 * s}, 4 * s, false, "short"},
		{"empty for 4 s", mijnhosttest.Options{EmptyAfterWrite: 4 * s}, 4 * s, false, "empty"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			inBubble(t, c.readings, func(w world) {
				if c.incomplete == "" {
					w.api.SetRecords(domain, nil)
				}
				r := w.run()
				checktest.WantOutcome(t, r, check.Well)
				got := measured(r).Reads
				if settled := *got.SettledAfter; settled < c.settled.Seconds() || settled > c.settled.Seconds()+2 {
					t.Errorf("got settled after %g s, want %s", settled, c.settled)
				}
				if stale := c.readings.StaleReads.Seconds(); got.StaleFor > stale || got.StaleFor < stale-2 {
					t.Errorf("got stale for %g s, want %g s", got.StaleFor, stale)
				}
				if got.Disagree != c.disagree || got.Incomplete != c.incomplete {
					t.Errorf("got disagree %v, incomplete %q", got.Disagree, got.Incomplete)
				}
				if short := (c.readings.ShortAfterWrite + c.readings.EmptyAfterWrite).Seconds(); got.IncompleteFor > short || got.IncompleteFor < short-2 {
					t.Errorf("got incomplete for %g s, want %g s", got.IncompleteFor, short)
				}
			})
		})
	}
}
