package mijnhost_test

import (
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// Minimal sequences in which TestNoRecordIsHarmed once found harm.
func TestNoRecordIsHarmed_Regressions(t *testing.T) {
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
		"stale read shows a value that another process cleaned up": {
			mijnhosttest.Options{StaleReads: 5 * time.Second, ReplicaJitter: true},
			[]func(bubble){add("first"), wait(time.Second), byAnother(bubble.remove, "first"), add("second"), finally(bubble.remove, "second")},
			nil,
		},
		"PATCH refused, sibling cleaned up by another process": {
			mijnhosttest.Options{StaleReads: time.Second},
			[]func(bubble){
				add("first"), wait(time.Second), byAnother(bubble.remove, "first"),
				fault(patch, mijnhosttest.Status(400), 0, 1), try(bubble.add, "second"), finally(bubble.remove, "second"),
			},
			nil,
		},
		"transient refusal to delete one of two copies": {
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
