package solver_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"k8s.io/klog/v2"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// recorder is an Observer that records its calls.
type recorder struct {
	mu        sync.Mutex
	outcomes  []string
	presented int
}

func (o *recorder) ChallengeAnswered(action solver.Action, result solver.Result, domain string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outcomes = append(o.outcomes, fmt.Sprintf("%s %s %s", action, result, domain))
}

func (o *recorder) ValuesPresented(change int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.presented += change
}

// logged returns the lines about calls that the webhook logs at a verbosity while do runs, without durations and hashes.
func logged(t *testing.T, verbosity int, do func()) []string {
	t.Helper()
	return slices.DeleteFunc(allLogged(t, verbosity, do), func(line string) bool { return !strings.Contains(line, "action=") })
}

func allLogged(t *testing.T, verbosity int, do func()) []string {
	t.Helper()
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	set := func(name, value string) {
		if err := flags.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	set("logtostderr", "false")
	set("alsologtostderr", "false")
	set("stderrthreshold", "FATAL")
	set("one_output", "true")
	set("v", fmt.Sprint(verbosity))
	defer set("v", "0")
	var log lockedBuffer
	klog.SetOutput(&log)
	defer klog.SetOutput(&lockedBuffer{})
	do()
	klog.Flush()

	var lines []string
	head := regexp.MustCompile(`^([A-Z])\S+ .*\.go:\d+\]`)
	changing := regexp.MustCompile(` (duration="[^"]+"|valueSHA256="[0-9a-f]{16}")`)
	for line := range strings.Lines(log.String()) {
		lines = append(lines, strings.TrimSpace(changing.ReplaceAllString(head.ReplaceAllString(line, "$1"), "")))
	}
	return lines
}

// TestOutcome_LoggedOnce expects one log line and one call of the Observer, without secrets.
func TestOutcome_LoggedOnce(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	const names = `dnsName="example.nl" fqdn="_acme-challenge.example.nl."`
	for name, c := range map[string]struct {
		setUp   func(w world)
		ch      *whapi.ChallengeRequest // newChallenge by default
		cleanUp bool
		line    string
		outcome string
	}{
		"presented": {
			line:    `I "Presented challenge" action="present" ` + names + ` domain="example.nl" result="success" calls=2`,
			outcome: "present success example.nl",
		},
		"cleaned up": {
			cleanUp: true,
			setUp:   func(w world) { w.must(w.Present(newChallenge())) },
			line:    `I "Cleaned up challenge" action="cleanup" ` + names + ` domain="example.nl" result="success" calls=2`,
			outcome: "cleanup success example.nl",
		},
		"rejected with the value in the API's message": {
			setUp: func(w world) {
				w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(401, "no "+newChallenge().Key+" for "+apiKey)})
			},
			line: `E "Failed to present challenge" err="cannot present _acme-challenge.example.nl. with the API key from Secret cert-manager/mijn-host-api-key: ` +
				`mijn.host rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address (HTTP 401: no [value] for [API key])" ` +
				`action="present" ` + names + ` domain="" result="error" calls=1`,
			outcome: "present error ",
		},
		"Secret not found": {
			setUp: func(w world) { w.cluster.deleteSecret() },
			line: `E "Failed to present challenge" err="Secret cert-manager/mijn-host-api-key not found" ` +
				`action="present" ` + names + ` domain="" result="error" calls=0`,
			outcome: "present error ",
		},
		"no call: empty value": {
			ch: newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "" }),
			line: `E "Failed to present challenge" err="the challenge's key is empty or malformed" ` +
				`action="present" ` + names + ` domain="" result="error" calls=0`,
			outcome: "present error ",
		},
		"given up: Secret deleted": {
			cleanUp: true,
			setUp:   func(w world) { w.cluster.deleteSecret() },
			line: `I "WARNING: Gave up cleaning up challenge; a TXT record may be left behind" action="cleanup" ` + names +
				` domain="" result="given_up" calls=0 reason="no API key for clean-up: Secret cert-manager/mijn-host-api-key not found"`,
			outcome: "cleanup given_up ",
		},
		"given up: domain removed": {
			cleanUp: true,
			setUp: func(w world) {
				w.must(w.Present(newChallenge()))
				w.api.RemoveDomain("example.nl")
			},
			line: `I "WARNING: Gave up cleaning up challenge; a TXT record may be left behind" action="cleanup" ` + names +
				` domain="" result="given_up" calls=3 reason="_acme-challenge.example.nl. cannot be cleaned up: ` +
				`no matching domain in the mijn.host account of this API key: _acme-challenge.example.nl."`,
			outcome: "cleanup given_up ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &recorder{}
			w := newWorld(t, func(o *solver.Options) { o.Observer = seen })
			if c.setUp != nil {
				c.setUp(w)
			}
			before := len(seen.outcomes)
			lines := logged(t, 0, func() {
				if c.cleanUp {
					w.must(w.CleanUp(newChallenge()))
				} else {
					_ = w.Present(cmp.Or(c.ch, newChallenge()))
				}
			})
			if !slices.Equal(lines, []string{c.line}) {
				t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(lines, "\n"), c.line)
			}
			if got := seen.outcomes[before:]; !slices.Equal(got, []string{c.outcome}) {
				t.Errorf("observed %q, want %q", got, c.outcome)
			}
		})
	}
}

func TestVerbosity2_LogsEachAPICall(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	w := newWorld(t)
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Method: "PATCH", Times: 1})
	lines := logged(t, 2, func() { w.must(w.Present(newChallenge())) })
	const prefix = `I "Called mijn.host" action="present" dnsName="example.nl" fqdn="_acme-challenge.example.nl." `
	want := []string{
		prefix + `operation="read_records" status=200`,
		prefix + `operation="patch_record" status=500`,
		prefix + `operation="patch_record" status=200`,
	}
	if len(lines) != 4 || !slices.Equal(lines[:3], want) {
		t.Errorf("logged:\n%s\nwant:\n%s\nand the outcome", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range lines {
		if strings.Contains(line, newChallenge().Key) {
			t.Errorf("the value is logged: %s", line)
		}
	}
}

// TestValuesPresented counts each value once until it is cleaned up.
func TestValuesPresented(t *testing.T) {
	t.Parallel()
	seen := &recorder{}
	w := newWorld(t, func(o *solver.Options) { o.Observer = seen })
	another := newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "another" })
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Endless(), Method: "PATCH"})
	if w.Present(another) == nil || seen.presented != 0 {
		t.Errorf("after an uncertain failure: got %d presented values and want 0, or got no error", seen.presented)
	}
	w.api.ClearFaults()
	for i, step := range []struct {
		do   func(*whapi.ChallengeRequest) error
		ch   *whapi.ChallengeRequest
		want int
	}{
		{w.Present, newChallenge(), 1},
		{w.Present, newChallenge(), 1},
		{w.Present, another, 2},
		{w.CleanUp, newChallenge(), 1},
		{w.CleanUp, newChallenge(), 1},
		{w.CleanUp, another, 0},
	} {
		w.must(step.do(step.ch))
		if seen.presented != step.want {
			t.Errorf("step %d: got %d presented values, want %d", i, seen.presented, step.want)
		}
	}
}

// The log says how many challenges shared the calls, if more than one.
func TestOutcome_SharedCalls(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	for shared, want := range map[int]bool{0: false, 1: false, 2: true} {
		w := newWorld(t, func(o *solver.Options) { o.Provider = answering{result: dnshost.Result{Shared: shared}} })
		for _, do := range []func(*whapi.ChallengeRequest) error{w.Present, w.CleanUp} {
			lines := logged(t, 0, func() { w.must(do(newChallenge())) })
			if len(lines) != 1 || strings.Contains(lines[0], " callsSharedBy=2") != want || strings.Contains(lines[0], "callsSharedBy") != want {
				t.Errorf("shared by %d: got log lines %q", shared, lines)
			}
		}
	}
}

// The CNAME has changed since Present, so the clean-up calls the provider for two names.
func TestOutcome_TwoNames(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	w := newWorld(t, func(o *solver.Options) {
		o.Provider = answering{byName: map[string]dnshost.Result{
			fqdn:              {Domain: "example.nl", Calls: 2, Shared: 3},
			"now.example.nl.": {Domain: "now.example.nl", Calls: 1, Shared: 2},
		}}
	})
	w.must(w.Present(newChallenge()))
	lines := logged(t, 0, func() {
		w.must(w.CleanUp(newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "now.example.nl." })))
	})
	if want := `domain="example.nl" result="success" calls=3 callsSharedBy=3`; len(lines) != 1 || !strings.Contains(lines[0], want) {
		t.Errorf("got log lines %q, want %s", lines, want)
	}
}

// The API server times out after 34 s. A call must not end when the caller disconnects.
func TestCall_Deadline(t *testing.T) {
	t.Parallel()
	calls := 0
	w := newWorld(t, func(o *solver.Options) {
		o.Provider = answering{called: func(ctx context.Context, _ dnshost.TXT) {
			calls++
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 30*time.Second || ctx.Err() != nil {
				t.Errorf("got deadline in %s, %v, want at most 30 s and no cancellation", time.Until(deadline), ctx.Err())
			}
		}}
	})
	ctx, disconnect := context.WithCancel(t.Context())
	disconnect()
	w.must(w.PresentContext(ctx, newChallenge()))
	w.must(w.CleanUpContext(ctx, newChallenge()))
	if calls != 2 {
		t.Errorf("got %d calls of the provider, want 2", calls)
	}
}

// answering is a Provider with fixed answers.
type answering struct {
	result dnshost.Result
	byName map[string]dnshost.Result // overrides result
	called func(context.Context, dnshost.TXT)
}

func (a answering) Present(ctx context.Context, _ string, r dnshost.TXT) (dnshost.Result, error) {
	if a.called != nil {
		a.called(ctx, r)
	}
	return cmp.Or(a.byName[r.FQDN], a.result), nil
}

func (a answering) CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	return a.Present(ctx, apiKey, r)
}
