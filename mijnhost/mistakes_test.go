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

// TestBusyZone_OtherNamesCleanedUp: a DELETE empties reads as a PATCH does.
func TestBusyZone_OtherNamesCleanedUp(t *testing.T) {
	t.Parallel()
	for name, readings := range map[string]mijnhosttest.Options{
		"empty for 8 s": {Patch: mijnhosttest.PatchReplaces, EmptyAfterWrite: 8 * time.Second},
		"short for 8 s": {Patch: mijnhosttest.PatchReplaces, ShortAfterWrite: 8 * time.Second},
	} {
		t.Run("a sibling, "+name, func(t *testing.T) {
			amidCleanUps(t, readings, func(b bubble) {
				b.cluster.hidden = true
				if err := b.add("second"); !errors.Is(err, mijnhost.ErrNameInUse) {
					b.Errorf("got %v, want ErrNameInUse", err)
				}
				b.wantValues("first")
			})
		})
		t.Run("a value to be cleaned up, "+name, func(t *testing.T) {
			amidCleanUps(t, readings, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{
					Op: del, Kind: mijnhosttest.Status(400), Until: 3 * time.Second,
					When: func(r mijnhosttest.Request) bool { return nameOf(r) == testName },
				})
				err := b.remove("first")
				if left := slices.Contains(b.values(), "first"); left && err == nil {
					b.Error("the clean-up succeeded, but the value still exists")
				}
			})
		})
	}
}

// amidCleanUps presents "first" and six values under other names, and runs test long after that, while the six are being
// cleaned up.
func amidCleanUps(t *testing.T, readings mijnhosttest.Options, test func(bubble)) {
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

// nameOf is the name in the body of a request.
func nameOf(r mijnhosttest.Request) string {
	var body struct{ Record mijnhosttest.Record }
	_ = json.Unmarshal(r.Body, &body)
	return body.Record.Name
}

// TestCleanUp_PatchFailedAfterItsEffect: a value that might exist is remembered until its clean-up.
func TestCleanUp_PatchFailedAfterItsEffect(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{time.Minute, 20 * time.Minute, 6 * 24 * time.Hour} {
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{EmptyAfterWrite: 10 * time.Second}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.AfterEffect(mijnhosttest.Status(500)), Until: time.Minute})
				_ = b.add("value")
				b.api.ClearFaults()
				time.Sleep(after)
				// Another name is written, so that reads are empty; and a 400 passes.
				b.must(b.in(func(ctx context.Context) error {
					return present(ctx, b.Provider, testKey, testZone, "_acme-challenge.n.example.nl.", "value")
				}))
				b.api.Inject(mijnhosttest.Fault{Op: del, Kind: mijnhosttest.Status(400), Times: 2})
				err := b.remove("value")
				if err == nil && len(b.values()) > 0 {
					b.Error("the clean-up succeeded, but the value still exists")
				}
				b.untilDone(func() error { return b.remove("value") })
				b.wantValues()
			})
		})
	}
}

// TestPresent_SlowFailures: what the API said counts, and not that time ran out.
func TestPresent_SlowFailures(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{3 * time.Second, 7 * time.Second} {
		inBubble(t, mijnhosttest.Options{}, func(b bubble) {
			b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Late(late, mijnhosttest.StatusSaying(500, apiWords))})
			for range 2 {
				if err := b.add("value"); err == nil || err.Error() != "mijn.host returned HTTP 500: "+apiWords {
					b.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestPresent_EightUnnamed429: eight calls that are refused together are one refusal.
func TestPresent_EightUnnamed429(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 100 * time.Millisecond}, func(b bubble) {
		addZones(b.api, 8)
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(nil), Times: 8})
		want := b.cost()
		b.must(atOnce(jobsIn(8, 8), func(_ int, j job) error { return j.add(b.Context(), b.Provider) }))
		want(24, 5*time.Second)
	})
}

// TestPresent_PaceIsResetBySuccess: the pause after an unnamed 429 is as short as the first time once calls succeed again.
func TestPresent_PaceIsResetBySuccess(t *testing.T) {
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

// TestCleanUp_StillRefused: a clean-up believes no single refusal, and gives up no value that reads show.
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

// TestCleanUp_NamesOutsideOfASCII: a GET may show names in the form in which domains are listed.
func TestCleanUp_NamesOutsideOfASCII(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{"_acme-challenge", "_acme-challenge.bücher.nl.", "_ACME-challenge.Bücher.nl", "_acme-challenge.xn--bcher-kva.nl."} {
		inBubble(t, mijnhosttest.Options{Domains: mijnhosttest.DomainsUnicode, Names: mijnhosttest.NamesAsWritten, DeleteShownForm: true}, func(b bubble) {
			b.api.AddDomain(testKey, "xn--bcher-kva.nl")
			b.api.SetRecords("xn--bcher-kva.nl", []mijnhosttest.Record{{Type: "TXT", Name: shown, Value: padded("value"), TTL: 60}})
			b.must(b.in(func(ctx context.Context) error {
				return cleanUp(ctx, b.Provider, "xn--bcher-kva.nl.", "_acme-challenge.xn--bcher-kva.nl.", "value")
			}))
			if left := b.api.Records("xn--bcher-kva.nl"); len(left) != 0 {
				b.Errorf("left: %v", left)
			}
		})
	}
}

// TestCleanUp_PatchTakesEffectLater: a DELETE in between proves nothing.
func TestCleanUp_PatchTakesEffectLater(t *testing.T) {
	t.Parallel()
	for _, absent := range []mijnhosttest.DeleteAbsentReading{mijnhosttest.DeleteAbsentFails, mijnhosttest.DeleteAbsentSucceeds} {
		t.Run(absent.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{DeleteAbsent: absent}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.EffectLater(12 * time.Second), Times: 1})
				b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(403)}) // which ends the call
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

// TestCleanUp_SiblingRemoved: the removal of another value under the name empties reads, too.
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
			b.Error("the clean-up succeeded, but the value still exists")
		}
		b.untilDone(func() error { return b.remove("second") })
		b.wantValues()
	})
}

// TestCleanUp_OneRefusal: after a restart, too, one 400 is no proof of a value that a read does not show.
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

// TestPresent_ReplacedMeanwhile: a stale read that shows a value which another one has replaced is not believed.
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

// TestError_TextStatusInside200: a failure is one, also where its status is no number.
func TestError_TextStatusInside200(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.ErrorTextInside200(apiWords)})
		if err := b.add("value"); err == nil || err.Error() != "mijn.host returned HTTP 400: "+apiWords {
			b.Errorf("got %v", err)
		}
	})
}

// TestPresent_CleanedUpElsewhereChallengesHidden: a value that another process has cleaned up does not block others
// for long.
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

// TestPresent_PatchAddsInAnotherDomain: the flag applies to the listed domains only.
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

// TestPresent_ZoneListedInUpperCase: the zone that cert-manager resolved goes before a longer domain, however it is listed.
func TestPresent_ZoneListedInUpperCase(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Domains: mijnhosttest.DomainsUpper}, func(b bubble) {
		b.api.AddDomain(testKey, "sub.example.nl")
		b.must(b.in(func(ctx context.Context) error {
			return present(ctx, b.Provider, testKey, testZone, "_acme-challenge.sub.example.nl.", "value")
		}))
		if got := b.valuesIn("sub.example.nl"); got != "" {
			b.Errorf("in the longer domain: %q", got)
		}
	})
}

// TestCleanUp_Quoted: a value that is shown in quotes is deleted in quotes.
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
