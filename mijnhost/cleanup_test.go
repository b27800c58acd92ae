package mijnhost_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestCleanUp_AbsentValue(t *testing.T) {
	t.Parallel()
	for readings := range mijnhosttest.EveryReading() {
		t.Run(readings.String(), func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b.must(b.remove("never-there"))
				b.must(b.remove("never-there"))
				b.wantOthersUntouched()
			})
		})
	}
}

func TestCleanUp_ValueNotShownYet(t *testing.T) {
	t.Parallel()
	for readings := range mijnhosttest.EveryReading() {
		readings.StaleReads = 10 * time.Second
		t.Run(readings.String(), func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b.must(b.add("value"))
				b.must(retry(func() error { return b.remove("value") }, 5))
				b.wantValues()
				b.must(retry(func() error { return b.remove("value") }, 5))
				b.wantOthersUntouched()
			})
		})
	}
}

func TestCleanUp_KeepsSiblings(t *testing.T) {
	t.Parallel()
	for readings := range mijnhosttest.EveryReading() {
		t.Run(readings.String(), func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				for _, value := range []string{"value", "value-2", "VALUE"} {
					b.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: padded(value), TTL: 60})
				}
				b.must(b.remove("value"))
				b.wantValues("value-2", "VALUE")
			})
		})
	}
}

func TestCleanUp_EveryCopy(t *testing.T) {
	t.Parallel()
	for _, one := range []bool{true, false} {
		t.Run(fmt.Sprintf("DELETE removes one copy: %v", one), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{PatchSame: mijnhosttest.PatchSameDuplicates, DeleteOneCopy: one}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.DropAfter(), Times: 2})
				b.must(b.add("value"))
				b.wantValues("value", "value", "value")
				b.must(b.remove("value"))
				b.wantValues()
			})
		})
	}
}

func TestCleanUp_Transient400(t *testing.T) {
	t.Parallel()
	for _, op := range []mijnhosttest.Operation{read, del} {
		t.Run(string(op), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.must(b.add("value"))
				b.api.Inject(mijnhosttest.Fault{Op: op, Kind: mijnhosttest.Status(400), Times: 1})
				b.must(b.remove("value"))
				b.wantValues()
			})
		})
	}
}

func TestCleanUp_DeleteRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("value"))
		b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.StatusMessage(400, "Record is locked")})
		var refusal *apiclient.Error
		if err := b.remove("value"); !errors.As(err, &refusal) || refusal.Message != "Record is locked" {
			b.Errorf("got %v, want the API's refusal", err)
		}
	})
}

func TestCleanUp_DomainOutOfReach(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(bubble){
		"domain left the account": func(b bubble) { b.api.RemoveDomain("example.nl") },
		"nameservers elsewhere":   func(b bubble) { b.api.SetDNSElsewhere("example.nl") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.must(b.add("value"))
				lose(b)
				if err := b.remove("value"); !errors.As(err, new(*dnshost.LeftBehindError)) {
					b.Errorf("got %v, want a LeftBehindError", err)
				}
			})
		})
	}
}

func TestCleanUp_FixableFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(bubble)
		want  error
	}{
		"key refused":       {func(b bubble) { b.api.RevokeKey(testKey) }, apiclient.ErrKeyRefused},
		"API down":          {func(b bubble) { b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500)}) }, apiclient.ErrUnavailable},
		"rate-limited":      {func(b bubble) { b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(nil)}) }, apiclient.ErrRateLimited},
		"API hangs":         {func(b bubble) { b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Hang()}) }, apiclient.ErrUnavailable},
		"only DELETE fails": {func(b bubble) { b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(503)}) }, apiclient.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.must(b.add("value"))
				c.spoil(b)
				if err := b.remove("value"); !errors.Is(err, c.want) {
					b.Errorf("got %v, want %v", err, c.want)
				}
				b.wantValues("value")
			})
		})
	}
}

func TestPresent_ContextEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Hang()})
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := present(ctx, b.Provider, testKey, testZone, testName, "value"); err == nil {
			b.Error("want an error")
		}
		if elapsed := time.Since(start); elapsed > 3*time.Second {
			b.Errorf("took %s", elapsed)
		}
	})
}
