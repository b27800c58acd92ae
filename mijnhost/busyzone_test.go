package mijnhost_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// While this process keeps writing to a zone, reads can be empty or short all the time. The missing records still exist.
func TestBusyZone_OtherNamesPresented(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string]mijnhosttest.Options{
		"empty for 3 s": {EmptyAfterWrite: 3 * time.Second},
		"empty for 8 s": {EmptyAfterWrite: 8 * time.Second},
		"short for 3 s": {ShortAfterWrite: 3 * time.Second},
	} {
		t.Run("sibling,  "+name, func(t *testing.T) {
			t.Parallel()
			readings := readings
			readings.Patch = mijnhosttest.PatchReplaces
			inBusyZone(t, readings, func(b bubble) {
				if err := b.add("second"); err != nil && !errors.Is(err, mijnhost.ErrNameInUse) {
					b.Errorf("unexpected error: %v", err)
				}
				b.wantValues("first")
			})
		})
		t.Run("clean-up,  "+name, func(t *testing.T) {
			t.Parallel()
			readings := readings
			inBusyZone(t, readings, func(b bubble) {
				err := b.remove("first")
				if left := slices.Contains(b.values(), "first"); left && err == nil {
					b.Error("clean-up succeeded, but the value still exists")
				}
			})
		})
	}
}

// inBusyZone presents "first", and runs test much later, while other names are being written.
func inBusyZone(t *testing.T, readings mijnhosttest.Options, test func(bubble)) {
	t.Helper()
	inBubble(t, readings, func(b bubble) {
		b.must(b.add("first"))
		time.Sleep(time.Minute)
		var others sync.WaitGroup
		for i := range 6 {
			others.Go(func() {
				time.Sleep(time.Duration(i) * 2 * time.Second)
				fqdn := fmt.Sprintf("_acme-challenge.n%d.example.nl.", i)
				_ = b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, testZone, fqdn, "value") })
			})
		}
		time.Sleep(100 * time.Millisecond)
		test(b)
		others.Wait()
	})
}
