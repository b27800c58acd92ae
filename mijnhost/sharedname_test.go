package mijnhost_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

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
		"slow":                    {Latency: 700 * time.Millisecond},
		"PATCH of the same fails": {PatchSame: mijnhosttest.PatchSameFails},
	}
}

func withPatch(o mijnhosttest.Options, r mijnhosttest.PatchReading) mijnhosttest.Options {
	o.Patch = r
	return o
}

// retry does what cert-manager does with a challenge that failed: it tries again after
// a pause that doubles from 5 s to 30 min.
func retry(call func() error, tries int) (err error) {
	for i := range tries {
		if err = call(); err == nil {
			return nil
		}
		time.Sleep(min(5*time.Second<<i, 30*time.Minute))
	}
	return err
}

// patchAdds tells the provider that PATCH adds in example.nl.
func (b bubble) patchAdds() bubble {
	o := b.options()
	o.PatchAdds = []string{"example.nl"}
	b.Provider = mijnhost.NewProvider(o)
	return b
}

func TestPresent_PatchAdds(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, withPatch(readings, mijnhosttest.PatchAdds), func(b bubble) {
				b = b.patchAdds()
				b.must(b.add("apex"))
				b.must(b.add("wildcard"))
				b.wantCalls(read, patch, read, patch)
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

// TestPresent_NameInUse: a second value waits for the first, whatever PATCH does, in this process and in another.
func TestPresent_NameInUse(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
			for _, hidden := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, PATCH %s, Challenges hidden %v", name, effect, hidden), func(t *testing.T) {
					inBubble(t, withPatch(readings, effect), func(b bubble) {
						b.cluster.hidden = hidden
						want := "another challenge is using this DNS name: default/apex"
						if hidden {
							want = "another challenge is using this DNS name"
						}
						b.must(b.add("apex"))
						for range 5 {
							writes := b.api.CallsOf(patch)
							if err := b.add("wildcard"); !errors.Is(err, mijnhost.ErrNameInUse) || err.Error() != want {
								b.Fatalf("got %v, want %s", err, want)
							}
							if b.api.CallsOf(patch) != writes {
								b.Error("it was written all the same")
							}
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
	}
}

// TestPresent_NeededByTheCluster: what other processes presented counts, also after a restart.
func TestPresent_NeededByTheCluster(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		b.must(b.addBy(b.newProvider(), "apex"))
		if err := b.add("wildcard"); !errors.Is(err, mijnhost.ErrNameInUse) {
			b.Errorf("got %v, want ErrNameInUse", err)
		}
		b.wantValues("apex")
		b.cluster.finish("apex")
		b.must(b.add("wildcard"))
		b.wantValues("wildcard")
	})
}

// TestPresent_UncertainValueOfAnotherChallenge: a PATCH without an answer can take effect later, and cost a value that was
// written meanwhile.
func TestPresent_UncertainValueOfAnotherChallenge(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Patch: mijnhosttest.PatchReplaces}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(500), Until: time.Minute})
		_ = b.add("apex")
		b.api.ClearFaults()
		if err := b.add("wildcard"); !errors.Is(err, mijnhost.ErrNameInUse) {
			b.Errorf("got %v, want ErrNameInUse", err)
		}
		b.must(b.add("apex"))
		b.wantValues("apex")
	})
}

func TestPresent_ClusterAway(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.must(b.add("apex"))
		away := errors.New("cannot list Challenges")
		b.cluster.fault = away
		b.api.ResetRequests()
		if err := b.add("wildcard"); !errors.Is(err, away) {
			b.Errorf("got %v, want %v", err, away)
		}
		b.wantCalls(read)
	})
}

func TestPresent_ForeignTXT(t *testing.T) {
	t.Parallel()
	for value, kind := range map[string]string{
		"v=spf1 mx -all":                  "an SPF record",
		"v=DMARC1; p=none":                "a DMARC record",
		"google-site-verification=abc123": "a domain verification record",
		"hello world":                     "a TXT record that is not from an ACME challenge",
	} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: value, TTL: 60})
				want := "refusing to write because mijn.host might replace another TXT record: _acme-challenge.example.nl. has " + kind
				if err := b.add("value"); !errors.Is(err, mijnhost.ErrForeignTXT) || err.Error() != want {
					b.Errorf("got %v, want %s", err, want)
				}
				b.wantValues(value)
				b.must(b.patchAdds().add("value"))
				b.wantValues(value, "value")
			})
		})
	}
}

// TestPresent_TwentyAtTheSameMoment: the webhook writes the same whatever PATCH does, so only the reading that can lose a value is
// combined with each way in which reads lag.
func TestPresent_TwentyAtTheSameMoment(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) { twentyAtTheSameMoment(t, withPatch(readings, mijnhosttest.PatchReplaces)) })
	}
	t.Run("PATCH adds", func(t *testing.T) { twentyAtTheSameMoment(t, mijnhosttest.Options{Patch: mijnhosttest.PatchAdds}) })
}

func twentyAtTheSameMoment(t *testing.T, readings mijnhosttest.Options) {
	t.Helper()
	inBubble(t, readings, func(b bubble) {
		var all sync.WaitGroup
		for i := range 20 {
			value := fmt.Sprintf("value-%d", i)
			all.Go(func() {
				if err := retry(func() error { return b.add(value) }, 30); err != nil {
					b.Errorf("%s: %v", value, err)
					return
				}
				time.Sleep(10 * time.Second)
				b.wantStanding(value)
				// An interrupted PATCH is only settled once the others have paused for 30 s.
				if err := retry(func() error { return b.remove(value) }, 12); err != nil {
					b.Errorf("%s: %v", value, err)
				}
			})
		}
		all.Wait()
		b.wantValues()
		b.wantOthersUntouched()
	})
}

func (b bubble) wantStanding(value string) {
	b.Helper()
	if values := b.values(); !slices.Contains(values, value) {
		b.Errorf("%s was reported presented, and the zone has %q", value, values)
	}
}

func TestPresent_LeftOver(t *testing.T) {
	t.Parallel()
	for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
		t.Run(effect.String(), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{Patch: effect}, func(b bubble) {
				b.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: padded("left-over"), TTL: 60})
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
				b.wantToldByHash(logged(), padded("left-over"))
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
	want := fmt.Sprintf(`"level"=0 "msg"=%q "leftOverSHA256"=%q`,
		"Leftover TXT value under the challenge's name may be replaced", dnshost.Fingerprint(foreign))
	found := 0
	for _, line := range lines {
		if strings.HasPrefix(line, want) {
			found++
		}
		if strings.Contains(line, foreign) {
			b.Errorf("%q is shown in %s", foreign, line)
		}
	}
	if found != 1 {
		b.Errorf("%d lines say %s, want 1:\n%s", found, want, strings.Join(lines, "\n"))
	}
}

// atRisk counts the reports of foreign values that a replacing PATCH may cost.
type atRisk struct {
	ignored
	atomic.Int32
}

func (a *atRisk) LeftOverAtRisk() { a.Add(1) }

func TestPresent_PatchAddsTwoProcesses(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, readings, func(b bubble) {
				b = b.patchAdds()
				other := b.patchAdds().Provider
				b.must(b.add("here"))
				b.must(b.addBy(other, "there"))
				b.wantValues("here", "there")
				// Each is cleaned up by the other process.
				b.must(retry(func() error { return b.removeBy(other, "here") }, 4))
				b.must(retry(func() error { return b.remove("there") }, 4))
				b.wantValues()
			})
		})
	}
}

func TestPresent_CleanedUpByAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, effect := range []mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces} {
		for _, after := range []time.Duration{time.Second, time.Minute} {
			t.Run(fmt.Sprintf("PATCH %s, after %s", effect, after), func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{Patch: effect}, func(b bubble) {
					b.must(b.add("apex"))
					time.Sleep(after)
					b.must(b.removeBy(b.newProvider(), "apex"))
					b.must(retry(func() error { return b.add("wildcard") }, 4))
					b.wantValues("wildcard")
				})
			})
		}
	}
}
