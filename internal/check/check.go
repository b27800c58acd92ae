package check

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// Options say what to check and how.
type Options struct {
	// Name is the DNS name that certificates are wanted for, such as example.nl or *.example.nl.
	Name string
	// Key is where the API key comes from.
	Key KeySource
	// API says how mijn.host is reached.
	API mijnhost.Options
	// DNS is how names are looked up.
	DNS DNS
	// CA is the name by which CAA records allow the CA to issue.
	CA string
	// TTL is that of the probe record, in seconds.
	TTL int
	// ReadOnly writes no probe record.
	ReadOnly bool
	// Timeout bounds the check, without the removal of the probe record.
	Timeout time.Duration
	// Version is that of the program.
	Version string
	// OnStep is told each step as it ends; may be nil.
	OnStep func(Step)
	// OnProgress is told in words what the check waits for, time and again; may be nil.
	OnProgress func(string)
}

// KeySource is where an API key comes from.
type KeySource interface {
	// Origin names the source in words that may be shown.
	Origin() string
	// Key reads the key. An error can be a *KeyError.
	Key(ctx context.Context) (string, error)
}

// KeyError tells that the source has no key, and what to do about it.
type KeyError struct {
	// Fault says what is wrong, and Remedy what to do; both are sentences that may be shown.
	Fault, Remedy string
	// Passing tells that the source could not be asked: whether it has a key is not known.
	Passing bool
}

// Error is the fault alone.
func (e *KeyError) Error() string { return e.Fault }

// check is a check under way.
type check struct {
	Options

	result   *Result
	client   *mijnhost.Client // nil until there is a key
	calls    atomic.Int64
	allSteps bool // taken, so that the end of ctx has cost no more than measurements
}

// Run checks, and returns what it found. When it returns, the probe record is removed, or Result.LeftBehind names it;
// that also holds when ctx is done early. The error tells that the options are wrong, and then nothing was done.
func Run(ctx context.Context, o Options) (*Result, error) {
	name, wildcard, err := parseName(o.Name)
	if err != nil {
		return nil, err
	}
	c := &check{Options: o, result: &Result{Version: o.Version, Name: name, Wildcard: wildcard, Steps: []Step{}}}
	if c.API.Transport == nil {
		c.API.Transport = mijnhost.NewTransport()
	}
	c.API.Transport = counting{c.API.Transport, &c.calls}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	c.takeSteps(ctx)
	c.result.APICalls = c.calls.Load()
	c.result.Outcome = outcome(c.result.Steps)
	if why, _, cut := cutShort(ctx); cut {
		c.note("The report is not complete: " + why + ".")
		if c.result.Outcome == Well && !c.allSteps {
			c.result.Outcome = Unclear
		}
	}
	return c.result, nil
}

// takeSteps goes on for as long as the steps before allow it. What public DNS tells is told in any case.
func (c *check) takeSteps(ctx context.Context) {
	domains, accepted := c.checkKey(ctx)
	if ctx.Err() != nil {
		return
	}
	at := c.checkChallenge(ctx, domains, accepted)
	managed, nameservers := false, []string(nil)
	if accepted {
		managed, nameservers = c.checkPlace(ctx, domains, at)
	}
	if ctx.Err() != nil {
		return
	}
	c.checkCAA(ctx)
	switch {
	case !managed || ctx.Err() != nil:
	case c.ReadOnly:
		c.step(StepWrite, Skipped, "No probe record is written, as --read-only asks.", "")
	default:
		c.checkProbe(ctx, nameservers)
	}
}

// checkPlace looks at the domain that holds the challenge. It is managed if records can be written there; the nameservers
// are those that should serve them.
func (c *check) checkPlace(ctx context.Context, domains []string, at string) (managed bool, nameservers []string) {
	domain := c.checkDomain(domains, at)
	if c.result.Domain = domain; domain == "" {
		return false, nil
	}
	detail, managed := c.checkManaged(ctx, domain)
	if ctx.Err() != nil {
		return false, nil
	}
	return managed, c.checkDelegation(ctx, domain, at, detail.Nameservers)
}

// step notes and tells how a step ended.
func (c *check) step(id StepID, status Status, summary, remedy string) {
	s := Step{ID: id, Status: status, Summary: withoutAddresses(summary), Remedy: withoutAddresses(remedy)}
	c.result.Steps = append(c.result.Steps, s)
	if c.OnStep != nil {
		c.OnStep(s)
	}
}

func (c *check) progress(words string) {
	if c.OnProgress != nil {
		c.OnProgress(words)
	}
}

// cutShort says why a step could not be ended, if the whole check was stopped.
func cutShort(ctx context.Context) (why, remedy string, cut bool) {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "the time of the whole check was over", "Give more time with --timeout.", true
	case ctx.Err() != nil:
		return "the check was interrupted", "Run it again.", true
	default:
		return "", "", false
	}
}

// counting counts the requests that go through it.
type counting struct {
	http.RoundTripper

	calls *atomic.Int64
}

// RoundTrip counts and passes on.
func (t counting) RoundTrip(r *http.Request) (*http.Response, error) {
	t.calls.Add(1)
	return t.RoundTripper.RoundTrip(r)
}
