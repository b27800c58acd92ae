package mijnhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// A DELETE makes reads empty, as a PATCH does.
func TestBusyZone_OtherNamesCleanedUp(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string]mijnhosttest.Options{
		"empty for 8 s": {Patch: mijnhosttest.PatchReplaces, EmptyAfterWrite: 8 * time.Second},
		"short for 8 s": {Patch: mijnhosttest.PatchReplaces, ShortAfterWrite: 8 * time.Second},
	} {
		t.Run("sibling,  "+name, func(t *testing.T) {
			duringCleanUps(t, readings, func(b bubble) {
				b.cluster.hidden = true
				if err := b.add("second"); !errors.Is(err, mijnhost.ErrNameInUse) {
					b.Errorf("got %v, want ErrNameInUse", err)
				}
				b.wantValues("first")
			})
		})
		t.Run("clean-up,  "+name, func(t *testing.T) {
			duringCleanUps(t, readings, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{
					Op: del, Kind: mijnhosttest.Status(400), Until: 3 * time.Second,
					When: func(r mijnhosttest.Request) bool { return nameOf(r) == testName },
				})
				err := b.remove("first")
				if left := slices.Contains(b.values(), "first"); left && err == nil {
					b.Error("clean-up succeeded, but the value still exists")
				}
			})
		})
	}
}

// duringCleanUps presents "first" and six values under other names. It runs test much later, while the six are being
// cleaned up.
func duringCleanUps(t *testing.T, readings mijnhosttest.Options, test func(bubble)) {
	t.Helper()
	inBubble(t, readings, func(b bubble) {
		b.must(b.add("first"))
		name := func(i int) string { return fmt.Sprintf("_acme-challenge.n%d.example.nl.", i) }
		for i := range 6 {
			b.must(b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, testZone, name(i), "value") }))
		}
		time.Sleep(time.Minute)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 2 * time.Second)
				_ = b.in(func(ctx context.Context) error { return cleanUp(ctx, b.Provider, testZone, name(i), "value") })
			})
		}
		time.Sleep(100 * time.Millisecond)
		test(b)
		all.Wait()
	})
}

// nameOf returns the name in the body of a request.
func nameOf(r mijnhosttest.Request) string {
	var body struct{ Record mijnhosttest.Record }
	_ = json.Unmarshal(r.Body, &body)
	return body.Record.Name
}

// A value that might exist is remembered until its clean-up.
func TestCleanUp_PatchFailedAfterItsEffect(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{time.Minute, 20 * time.Minute, 6 * 24 * time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{EmptyAfterWrite: 10 * time.Second}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.AfterEffect(mijnhosttest.Status(500)), Until: time.Minute})
				_ = b.add("value")
				b.api.ClearFaults()
				time.Sleep(after)
				// A write under another name makes reads empty, and a 400 is transient.
				b.must(b.in(func(ctx context.Context) error {
					return present(ctx, b.Provider, testKey, testZone, "_acme-challenge.n.example.nl.", "value")
				}))
				b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(400), Times: 2})
				err := b.remove("value")
				if err == nil && len(b.values()) > 0 {
					b.Error("clean-up succeeded, but the value still exists")
				}
				b.untilDone(func() error { return b.remove("value") })
				b.wantValues()
			})
		})
	}
}

// The API's error is reported, not the deadline.
func TestPresent_SlowFailures(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{3 * time.Second, 7 * time.Second} {
		inBubble(t, mijnhosttest.Options{}, func(b bubble) {
			b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Late(late, mijnhosttest.StatusMessage(500, apiMessage))})
			for range 2 {
				if err := b.add("value"); err == nil || err.Error() != "mijn.host returned HTTP 500: "+apiMessage {
					b.Errorf("got %v", err)
				}
			}
		})
	}
}

// Eight calls that are rate-limited together count as one refusal.
func TestPresent_Concurrent429(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 100 * time.Millisecond}, func(b bubble) {
		addZones(b.api, 8)
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(nil), Times: 8})
		want := b.cost()
		b.must(atOnce(jobsIn(8, 8), func(_ int, j job) error { return j.add(b.Context(), b.Provider) }))
		want(24, 5*time.Second)
	})
}

// After a success, the pause of the next 429 without Retry-After is short again.
func TestPresent_BackoffResetBySuccess(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		for i := range 8 {
			b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.RateLimited(nil), Times: 1})
			want := b.cost()
			b.must(b.add(fmt.Sprintf("value-%d", i)))
			want(3, 3*time.Second)
			b.must(b.remove(fmt.Sprintf("value-%d", i)))
		}
	})
}

// One refusal is not conclusive, and a value that reads show is not given up.
func TestCleanUp_StillRefused(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("value"))
		b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(400)})
		want := b.cost()
		if err := b.remove("value"); !apiclient.IsRefusal(err) {
			b.Errorf("got %v, want the refusal", err)
		}
		want(10, 5*time.Second)
		b.api.ClearFaults()
		b.must(b.remove("value"))
		b.wantValues()
	})
}

// GET may show names in the form in which domains are listed.
func TestCleanUp_UnicodeNames(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{"_acme-challenge", "_acme-challenge.bücher.nl.", "_ACME-challenge.Bücher.nl", "_acme-challenge.xn--bcher-kva.nl."} {
		inBubble(t, mijnhosttest.Options{Domains: mijnhosttest.DomainsUnicode, Names: mijnhosttest.NamesAsWritten, DeleteShownForm: true}, func(b bubble) {
			b.api.AddDomain(testKey, "xn--bcher-kva.nl")
			b.api.SetRecords("xn--bcher-kva.nl", []mijnhosttest.Record{{Type: "TXT", Name: shown, Value: padded("value"), TTL: 60}})
			b.must(b.in(func(ctx context.Context) error {
				return cleanUp(ctx, b.Provider, "xn--bcher-kva.nl.", "_acme-challenge.xn--bcher-kva.nl.", "value")
			}))
			if left := b.api.Records("xn--bcher-kva.nl"); len(left) != 0 {
				b.Errorf("got %v left behind", left)
			}
		})
	}
}

// A DELETE in between proves nothing.
func TestCleanUp_PatchTakesEffectLater(t *testing.T) {
	t.Parallel()
	for _, absent := range []mijnhosttest.DeleteAbsentReading{mijnhosttest.DeleteAbsentFails, mijnhosttest.DeleteAbsentSucceeds} {
		t.Run(absent.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{DeleteAbsent: absent}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.EffectLater(12 * time.Second), Times: 1})
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(403)}) // ends the call
				if b.add("value") == nil {
					b.Fatal("want an error")
				}
				b.untilDone(func() error { return b.remove("value") })
				time.Sleep(time.Minute)
				b.wantValues()
			})
		})
	}
}

// The removal of another value under the name makes reads empty, too.
func TestCleanUp_SiblingRemoved(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{EmptyAfterWrite: 8 * time.Second}, func(b bubble) {
		b = b.patchAdds()
		b.must(b.add("first"))
		b.must(b.add("second"))
		time.Sleep(time.Minute)
		b.must(b.remove("first"))
		b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(400), Times: 2})
		if err := b.remove("second"); err == nil && len(b.values()) > 0 {
			b.Error("clean-up succeeded, but the value still exists")
		}
		b.untilDone(func() error { return b.remove("second") })
		b.wantValues()
	})
}

// Even after a restart, one 400 does not prove that the value is gone.
func TestCleanUp_OneRefusal(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("value"))
		b.Provider = b.newProvider()
		b.api.Inject(mijnhosttest.Fault{Op: read, Kind: mijnhosttest.EmptyRead(), Times: 1})
		b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(400), Times: 1})
		b.must(b.remove("value"))
		b.wantValues()
	})
}

// A stale read shows a value that another challenge has replaced.
func TestPresent_ReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, StaleReads: 20 * time.Second}, func(b bubble) {
		b.must(b.add("first"))
		time.Sleep(time.Minute)
		b.cluster.finish("first")
		b.must(b.add("second"))
		b.cluster.finish("second")
		b.must(b.add("first"))
		b.wantValues("first")
	})
}

// A failure inside a 200 can have a status that is not a number.
func TestError_TextStatusInside200(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.ErrorTextInside200(apiMessage)})
		if err := b.add("value"); err == nil || err.Error() != "mijn.host returned HTTP 400: "+apiMessage {
			b.Errorf("got %v", err)
		}
	})
}

// A value that another process cleaned up blocks others only briefly.
func TestPresent_CleanedUpElsewhereChallengesHidden(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.cluster.hidden = true
		b.must(b.add("first"))
		b.must(b.removeBy(b.newProvider(), "first"))
		time.Sleep(time.Minute)
		b.must(b.add("second"))
		b.wantValues("second")
	})
}

// The option applies only to the listed domains.
func TestPresent_PatchAddsInAnotherDomain(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		o := b.options()
		o.PatchAdds = []string{"example.com", "nl", "www.example.nl"}
		b.Provider = mijnhost.NewProvider(o)
		b.must(b.add("first"))
		if err := b.add("second"); !errors.Is(err, mijnhost.ErrNameInUse) {
			b.Errorf("got %v, want ErrNameInUse", err)
		}
		b.wantValues("first")
	})
}

// The zone that cert-manager resolved takes precedence over a longer domain, in any case.
func TestPresent_ZoneListedInUpperCase(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Domains: mijnhosttest.DomainsUpper}, func(b bubble) {
		b.api.AddDomain(testKey, "sub.example.nl")
		b.must(b.in(func(ctx context.Context) error {
			return present(ctx, b.Provider, testKey, testZone, "_acme-challenge.sub.example.nl.", "value")
		}))
		if got := b.valuesIn("sub.example.nl"); got != "" {
			b.Errorf("longer domain: got %q", got)
		}
	})
}

// A value that is shown in quotes is deleted in quotes.
func TestCleanUp_Quoted(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{QuotedValues: true, DeleteShownForm: true}, func(b bubble) {
		b.must(b.add("value"))
		b.Provider = b.newProvider()
		b.must(b.remove("value"))
		b.wantCalls(read, patch, read, del)
		b.wantValues()
	})
}
