package mijnhost_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// freshness are the ways in which reads can lag behind writes.
func freshness() map[string]mijnhosttest.Options {
	return map[string]mijnhosttest.Options{
		"fresh reads":             {},
		"reads stale for 3 s":     {StaleReads: 3 * time.Second},
		"reads stale for 20 s":    {StaleReads: 20 * time.Second},
		"replicas that differ":    {StaleReads: 5 * time.Second, ReplicaJitter: true},
		"short after each write":  {ShortAfterWrite: 3 * time.Second},
		"empty after each write":  {EmptyAfterWrite: 3 * time.Second},
		"names written relative":  {Names: mijnhosttest.NamesRelative},
		"slow":                    {Latency: 700 * time.Millisecond},
		"PATCH of the same fails": {PatchSame: mijnhosttest.PatchSameFails},
	}
}

func withPatch(o mijnhosttest.Options, r mijnhosttest.PatchReading) mijnhosttest.Options {
	o.Patch = r
	return o
}

// retry does what cert-manager does with a challenge that failed: it tries again after
// a pause that doubles from 5 s on.
func retry(call func() error, tries int) (err error) {
	for i := range tries {
		if err = call(); err == nil {
			return nil
		}
		time.Sleep(5 * time.Second << i)
	}
	return err
}

func TestWherePatchAddsBothValuesStand(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, withPatch(readings, mijnhosttest.PatchAdds), func(b bubble) {
				b.must(b.add("apex"))
				b.must(retry(func() error { return b.add("wildcard") }, 4))
				b.wantValues("apex", "wildcard")
				b.must(retry(func() error { return b.remove("apex") }, 4))
				b.wantValues("wildcard")
				b.must(retry(func() error { return b.remove("wildcard") }, 4))
				b.wantValues()
				b.wantOthersUntouched()
			})
		})
	}
}

func TestWherePatchReplacesTheFirstValueSurvivesAndTheSecondFollows(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, withPatch(readings, mijnhosttest.PatchReplaces), func(b bubble) {
				b.must(b.add("apex"))
				var before error
				for range 5 {
					err := b.add("wildcard")
					if !errors.Is(err, mijnhost.ErrNameInUse) {
						b.Fatalf("got %v, want ErrNameInUse", err)
					}
					if before != nil && before.Error() != err.Error() {
						b.Errorf("the message changed from %q to %q", before, err)
					}
					before = err
					b.wantValues("apex")
					time.Sleep(5 * time.Second)
				}
				b.must(retry(func() error { return b.remove("apex") }, 4))
				b.must(retry(func() error { return b.add("wildcard") }, 4))
				b.wantValues("wildcard")
				b.must(retry(func() error { return b.remove("wildcard") }, 4))
				b.wantValues()
				b.wantOthersUntouched()
			})
		})
	}
}

func TestOnceItIsKnownThatPatchReplacesTheFirstValueIsNeverDisturbed(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		b.must(b.add("apex"))
		_ = b.add("wildcard")
		b.api.ResetRequests()
		for range 3 {
			if err := b.add("wildcard"); !errors.Is(err, mijnhost.ErrNameInUse) {
				b.Errorf("got %v, want ErrNameInUse", err)
			}
		}
		b.wantCalls(read, read, read)
	})
}

func TestOnceItIsKnownThatPatchAddsASiblingCostsNoMoreCalls(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("first"))
		b.must(b.add("second"))
		b.api.ResetRequests()
		b.must(b.add("third"))
		b.wantCalls(read, patch)
	})
}

func TestChallengesForOneNameAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
			t.Run(fmt.Sprintf("%s, PATCH %s", name, effect), func(t *testing.T) {
				inBubble(t, withPatch(readings, effect), func(b bubble) {
					var all sync.WaitGroup
					for i := range 4 {
						value := fmt.Sprintf("value-%d", i)
						all.Go(func() {
							if err := retry(func() error { return b.add(value) }, 10); err != nil {
								b.Errorf("%s: %v", value, err)
								return
							}
							// Not at once: the first time in a process's life, another challenge may be
							// finding out what PATCH does, and put this value back a moment later.
							time.Sleep(10 * time.Second)
							b.wantStanding(value)
							if err := retry(func() error { return b.remove(value) }, 4); err != nil {
								b.Errorf("%s: %v", value, err)
							}
						})
					}
					all.Wait()
					b.wantValues()
					b.wantOthersUntouched()
				})
			})
		}
	}
}

func (b bubble) wantStanding(value string) {
	b.Helper()
	if values := b.values(); !slices.Contains(values, value) {
		b.Errorf("%s was reported presented, and the zone has %q", value, values)
	}
}

func TestALeftOverNeverBlocks(t *testing.T) {
	t.Parallel()
	for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
		t.Run(effect.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{Patch: effect}, func(b bubble) {
				b.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: "left-over", TTL: 60})
				counted := &atRisk{}
				o := b.options()
				o.Observer = counted
				b.Provider = mijnhost.NewProvider(o)
				ctx, logged := logTo(b.Context())
				b.must(addTo(ctx, b.Provider, "value"))
				b.wantStanding("value")
				b.wantCalls(read, patch)
				if counted.Load() != 1 {
					b.Errorf("%d values at risk were counted, want 1", counted.Load())
				}
				b.wantToldByHash(logged(), "left-over")
			})
		})
	}
}

// logTo is a context with a logger of all levels, and what that has logged.
func logTo(ctx context.Context) (withLog context.Context, logged func() []string) {
	var lines []string
	logger := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{Verbosity: 10})
	return logr.NewContext(ctx, logger), func() []string { return lines }
}

// wantToldByHash wants one line at the level that is always shown, about a foreign value that no line shows.
func (b bubble) wantToldByHash(lines []string, foreign string) {
	b.Helper()
	want := fmt.Sprintf(`"level"=0 "msg"=%q "foreignSHA256"=%q`,
		"A value that this process did not present stands under the challenge's name and may be replaced", dnshost.Fingerprint(foreign))
	told := 0
	for _, line := range lines {
		if strings.HasPrefix(line, want) {
			told++
		}
		if strings.Contains(line, foreign) {
			b.Errorf("%q is shown in %s", foreign, line)
		}
	}
	if told != 1 {
		b.Errorf("%d lines say %s, want 1:\n%s", told, want, strings.Join(lines, "\n"))
	}
}

// atRisk counts the reports of foreign values that a replacing PATCH may cost.
type atRisk struct {
	ignored
	atomic.Int32
}

func (a *atRisk) ForeignAtRisk() { a.Add(1) }

func TestWherePatchAddsTwoProcessesPresentBothValues(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				other := b.newProvider()
				b.must(b.add("here"))
				b.must(addTo(b.Context(), other, "there"))
				b.wantValues("here", "there")
				// Each is cleaned up by the other process.
				b.must(retry(func() error { return removeFrom(b.Context(), other, "here") }, 4))
				b.must(retry(func() error { return b.remove("there") }, 4))
				b.wantValues()
			})
		})
	}
}

func TestAValueThatAnotherProcessCleanedUpDoesNotBlockForLong(t *testing.T) {
	t.Parallel()
	for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
		for _, after := range []time.Duration{time.Second, time.Minute} {
			t.Run(fmt.Sprintf("PATCH %s, after %s", effect, after), func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{Patch: effect}, func(b bubble) {
					b.must(b.add("apex"))
					time.Sleep(after)
					b.must(removeFrom(b.Context(), b.newProvider(), "apex"))
					b.must(retry(func() error { return b.add("wildcard") }, 4))
					b.wantValues("wildcard") // and apex has not been brought back
				})
			})
		}
	}
}

func TestAReplacedValueIsPutBackAsSoonAsTheAPIWorksAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		b.must(b.add("apex"))
		b.api.Inject(mijnhosttest.Fault{Skip: 2, Kind: mijnhosttest.Status(500), Until: time.Minute}) // after read and PATCH
		if err := b.add("wildcard"); err == nil {
			b.Fatal("want an error while the API fails")
		}
		time.Sleep(time.Minute)
		if err := b.add("wildcard"); !errors.Is(err, mijnhost.ErrNameInUse) {
			b.Errorf("got %v, want ErrNameInUse", err)
		}
		b.wantValues("apex")
	})
}

// TestTheCleanUpOfTheOneBringsBackTheOther: a challenge that failed need not be tried again, but is cleaned up.
func TestTheCleanUpOfTheOneBringsBackTheOther(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		b.must(b.add("apex"))
		b.api.Inject(mijnhosttest.Fault{Skip: 2, Kind: mijnhosttest.Status(500), Until: time.Minute}) // after read and PATCH
		_ = b.add("wildcard")
		b.wantValues("wildcard")
		time.Sleep(time.Minute)
		b.must(b.remove("wildcard"))
		b.wantValues("apex")
	})
}

// TestTheCleanUpOfTheOneNeedsNothingOfTheOther: a value that seemed to be replaced can stand, and PATCH refuse it for that.
func TestTheCleanUpOfTheOneNeedsNothingOfTheOther(t *testing.T) {
	t.Parallel()
	for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
		inBubble(t, mijnhosttest.Options{Patch: effect, PatchSame: mijnhosttest.PatchSameFails}, func(b bubble) {
			b.must(b.add("apex"))
			b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(500), Until: time.Minute})
			_ = b.add("wildcard")
			time.Sleep(time.Minute)
			b.must(b.remove("wildcard"))
			b.wantValues("apex")
		})
	}
}

func TestWhatPatchDoesIsNotTriedWithoutTheTimeToUndoIt(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, StaleReads: 5 * time.Second}, func(b bubble) {
		b.must(b.add("apex"))
		time.Sleep(time.Minute)
		b.api.Inject(mijnhosttest.Fault{Times: 1, Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(21 * time.Second))})
		if err := b.add("wildcard"); !errors.Is(err, apiclient.ErrRateLimited) {
			b.Errorf("got %v, want ErrRateLimited, which took the time", err)
		}
		b.wantValues("apex")
	})
}

func TestEachValueThatIsPutBackIsCounted(t *testing.T) {
	t.Parallel()
	for _, stale := range []time.Duration{0, 20 * time.Second} {
		inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, StaleReads: stale}, func(b bubble) {
			o := b.options()
			counter := &restored{}
			o.Observer = counter
			b.Provider = mijnhost.NewProvider(o)
			b.must(b.add("apex"))
			time.Sleep(time.Minute)
			_ = b.add("wildcard")
			b.wantValues("apex")
			if counter.times != 1 {
				b.Errorf("counted %d times, with reads that are %s old", counter.times, stale)
			}
		})
	}
}

// restored counts the values that were put back.
type restored struct {
	ignored
	times int
}

func (r *restored) SiblingRestored() { r.times++ }

// TestWherePatchReplacesTwoProcessesTakeTurnsByChance measures what cannot be promised: which of two values that two
// processes present under one name, at random moments within ten seconds, is still there when the ACME server looks.
func TestWherePatchReplacesTwoProcessesTakeTurnsByChance(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces, Latency: 100 * time.Millisecond}, func(b bubble) {
		const rounds = 200
		standing := 0
		for i := range rounds {
			processes := []*mijnhost.Provider{b.newProvider(), b.newProvider()}
			var all sync.WaitGroup
			for p, process := range processes {
				all.Go(func() {
					time.Sleep(rand.N(10 * time.Second))
					b.must(addTo(b.Context(), process, fmt.Sprintf("value-%d-%d", i, p)))
				})
			}
			all.Wait()
			standing += len(b.values())
			for p := range processes {
				b.must(removeFrom(b.Context(), processes[1-p], fmt.Sprintf("value-%d-%d", i, p)))
			}
			b.wantValues()
		}
		b.Logf("%d of %d values stood when both had been presented", standing, 2*rounds)
		if standing != rounds {
			b.Errorf("%d values stood, want one of two each time", standing)
		}
		b.wantOthersUntouched()
	})
}
