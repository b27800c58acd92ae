package mijnhost_test

import (
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// TestWhatTheSearchHasFound keeps the lives in which TestNoRecordIsHarmed once found harm, in their smallest form.
func TestWhatTheSearchHasFound(t *testing.T) {
	t.Parallel()
	fault := func(op mijnhosttest.Operation, kind mijnhosttest.Kind, skip, times int) func(bubble) {
		return func(b bubble) { b.api.Inject(mijnhosttest.Fault{Op: op, Kind: kind, Skip: skip, Times: times}) }
	}
	try := func(call func(bubble, string) error, value string) func(bubble) {
		return func(b bubble) { _ = call(b, value) }
	}
	add := func(value string) func(bubble) { return func(b bubble) { b.must(b.add(value)) } }
	finally := func(call func(bubble, string) error, value string) func(bubble) {
		return func(b bubble) { b.must(retry(func() error { return call(b, value) }, 8)) }
	}
	byAnother := func(call func(bubble, string) error, value string) func(bubble) {
		return func(b bubble) {
			other := b
			other.Provider = b.newProvider()
			b.must(call(other, value))
		}
	}
	wait := func(d time.Duration) func(bubble) { return func(bubble) { time.Sleep(d) } }

	for name, c := range map[string]struct {
		readings mijnhosttest.Options
		steps    []func(bubble)
		want     []string
	}{
		"a record hidden by a short read could only be deleted in the form in which it would be shown": {
			mijnhosttest.Options{DeleteShownForm: true, Names: mijnhosttest.NamesRelative, ShortAfterWrite: 4 * time.Second},
			[]func(bubble){add("first"), add("second"), wait(time.Minute), finally(bubble.remove, "first"), finally(bubble.remove, "second")},
			nil,
		},
		"another process had cleaned a value up, a stale read still showed it, and it was put back": {
			mijnhosttest.Options{StaleReads: 5 * time.Second, ReplicaJitter: true},
			[]func(bubble){add("first"), wait(time.Second), byAnother(bubble.remove, "first"), add("second"), finally(bubble.remove, "second")},
			nil,
		},
		"a PATCH was clearly refused, and the sibling that another process had cleaned up was put back": {
			mijnhosttest.Options{StaleReads: time.Second},
			[]func(bubble){
				add("first"), wait(time.Second), byAnother(bubble.remove, "first"),
				fault(patch, mijnhosttest.Status(400), 0, 1), try(bubble.add, "second"), finally(bubble.remove, "second"),
			},
			nil,
		},
		"putting a value back was refused, and a stale read seemed to say that it stood": {
			mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, StaleReads: 8 * time.Second},
			[]func(bubble){
				add("first"), wait(10 * time.Second), fault(patch, mijnhosttest.Status(400), 1, 1),
				try(bubble.add, "second"), try(bubble.add, "second"),
			},
			[]string{"first"},
		},
		"the API kept a record although it had answered 500, and a later DELETE named it wrongly": {
			mijnhosttest.Options{
				PatchSame: mijnhosttest.PatchSameFails, DeleteAbsent: mijnhosttest.DeleteAbsentSucceeds, DeleteShownForm: true, QuotedValues: true,
				StaleReads: 5 * time.Second, ReplicaJitter: true,
			},
			[]func(bubble){
				fault(patch, mijnhosttest.AfterEffect(mijnhosttest.Status(500)), 0, 1), try(bubble.add, "value"), finally(bubble.remove, "value"),
			},
			nil,
		},
		"a failed clean-up had removed a value, and a stale read seemed to say that it still stood": {
			mijnhosttest.Options{DeleteShownForm: true, Names: mijnhosttest.NamesRelative, StaleReads: 8 * time.Second},
			[]func(bubble){
				add("value"), fault(del, mijnhosttest.AfterEffect(mijnhosttest.Status(500)), 2, 1),
				try(bubble.remove, "value"), try(bubble.remove, "value"), finally(bubble.add, "value"),
			},
			[]string{"value"},
		},
		"a value that had stood all the time was taken for proof that its sibling had been replaced": {
			mijnhosttest.Options{StaleReads: 5 * time.Second, ReplicaJitter: true},
			[]func(bubble){byAnother(bubble.add, "first"), add("second"), add("first")},
			[]string{"first", "second"},
		},
		"one of two copies was refused for a moment only, and taken for gone": {
			mijnhosttest.Options{PatchSame: mijnhosttest.PatchSameDuplicates, DeleteOneCopy: true},
			[]func(bubble){
				fault(patch, mijnhosttest.AfterEffect(mijnhosttest.Status(500)), 0, 1), add("value"),
				fault(del, mijnhosttest.Status(400), 1, 1), finally(bubble.remove, "value"),
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, c.readings, func(b bubble) {
				for _, step := range c.steps {
					step(b)
				}
				b.wantValues(c.want...)
				b.wantOthersUntouched()
			})
		})
	}
}
