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

// freshness returns ways in which reads lag behind writes.
func freshness() map[string]mijnhosttest.Options {
	return map[string]mijnhosttest.Options{
		"fresh reads":            {},
		"reads stale for 3 s":    {StaleReads: 3 * time.Second},
		"reads stale for 20 s":   {StaleReads: 20 * time.Second},
		"replicas differ":        {StaleReads: 5 * time.Second, ReplicaJitter: true},
		"short after each write": {ShortAfterWrite: 3 * time.Second},
		"empty after each write": {EmptyAfterWrite: 3 * time.Second},
		"slow":                   {Latency: 700 * time.Millisecond},
		"repeated PATCH fails":   {PatchSame: mijnhosttest.PatchSameFails},
	}
}

func withPatch(o mijnhosttest.Options, r mijnhosttest.PatchReading) mijnhosttest.Options {
	o.Patch = r
	return o
}

// retry retries a call as cert-manager does: after a pause that doubles from 5 s to 30 min.
func retry(call func() error, tries int) (err error) {
	for i := range tries {
		if err = call(); err == nil {
			return nil
		}
		time.Sleep(min(5*time.Second<<i, 30*time.Minute))
	}
	return err
}

// patchAdds configures the provider for a PATCH that adds in example.nl.
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

// A second value waits for the first, whatever PATCH does, in this process and in another.
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
								b.Error("value was written")
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

// Values of other processes count, even after a restart.
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

// A PATCH without a response can take effect later, and replace a value written in between.
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

func TestPresent_ClusterUnavailable(t *testing.T) {
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

// The webhook writes the same whatever PATCH does. So only the reading that can lose a value is combined with each kind
// of stale reads.
func TestPresent_TwentyAtOnce(t *testing.T) {
	t.Parallel()
	for name, readings := range freshness() {
		t.Run(name, func(t *testing.T) { twentyAtOnce(t, withPatch(readings, mijnhosttest.PatchReplaces)) })
	}
	t.Run("PATCH adds", func(t *testing.T) { twentyAtOnce(t, mijnhosttest.Options{Patch: mijnhosttest.PatchAdds}) })
}

func twentyAtOnce(t *testing.T, readings mijnhosttest.Options) {
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
				b.wantPresented(value)
				// An interrupted PATCH is settled only once the others have paused for 30 s.
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

func (b bubble) wantPresented(value string) {
	b.Helper()
	if values := b.values(); !slices.Contains(values, value) {
		b.Errorf("%s was presented, but the zone has %q", value, values)
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
				b.wantPresented("value")
				b.wantCalls(read, patch)
				if counted.Load() != 1 {
					b.Errorf("got %d values at risk, want 1", counted.Load())
				}
				b.wantLoggedByHash(logged(), padded("left-over"))
			})
		})
	}
}

// logTo returns a context with a logger of all levels, and a function that returns its lines.
func logTo(ctx context.Context) (withLog context.Context, logged func() []string) {
	var lines []string
	logger := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{Verbosity: 10})
	return logr.NewContext(ctx, logger), func() []string { return lines }
}

// wantLoggedByHash requires one line at the default level about a foreign value, and none that contains the value.
func (b bubble) wantLoggedByHash(lines []string, foreign string) {
	b.Helper()
	want := fmt.Sprintf(`"level"=0 "msg"=%q "leftOverSHA256"=%q`,
		"Leftover TXT value under the challenge's name may be replaced", dnshost.Fingerprint(foreign))
	found := 0
	for _, line := range lines {
		if strings.HasPrefix(line, want) {
			found++
		}
		if strings.Contains(line, foreign) {
			b.Errorf("log contains %q: %s", foreign, line)
		}
	}
	if found != 1 {
		b.Errorf("got %d lines with %s, want 1:\n%s", found, want, strings.Join(lines, "\n"))
	}
}

// atRisk counts foreign values that a replacing PATCH may remove.
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
				// The other process cleans up each.
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
