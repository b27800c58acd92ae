package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// Options say what to check and how.
type Options struct {
	// Name is the DNS name that certificates are wanted for, such as example.nl or *.example.nl.
	Name string
	// Key is where the API key comes from.
	Key keysource.Source
	// Host is the DNS host of the domain. If it is nil, the steps of Before are all there are.
	Host Host
	// DNS is how names are looked up.
	DNS DNS
	// CA is the name by which CAA records allow the CA to issue.
	CA string
	// TTL is that of the probe record, in seconds.
	TTL int
	// ReadOnly writes no probe record. Write does so where the host asks for that.
	ReadOnly, Write bool
	// RemoveValue is a TXT value to remove from under the challenge's name; empty for none.
	RemoveValue string
	// Cluster says how to reach the cluster; nil or an error where there is none.
	Cluster func() (*rest.Config, error)
	// Timeout bounds the check, without the removal of the probe record.
	Timeout time.Duration
	// Version and Commit are those of the program.
	Version, Commit string
	// AllowedDomains are those within which the webhook answers challenges; none means everywhere.
	AllowedDomains []string
	// Before are steps that were taken before this check.
	Before []Step
	// CNAMEStrategy is the solver's: None, Follow, or empty if it is not known.
	CNAMEStrategy string
	// Probed reports whether the domain has been probed already; may be nil.
	Probed func(domain string) bool
	// Challenges returns the owners of the values of the cluster's Challenges; nil where there is no cluster.
	Challenges func(ctx context.Context) (map[string]string, error)
	// OnStep is told each step as it ends; may be nil.
	OnStep func(Step)
	// OnProgress is told in words what the check waits for, time and again; may be nil.
	OnProgress func(string)
	// OnAside is told what is for the one who runs the check, and does not belong in the report; may be nil.
	OnAside func(string)
}

// Check is a check under way.
type Check struct {
	// Result is what was found so far.
	Result *Result

	options  Options
	account  Account // nil until there is a key
	unlisted map[string]unlisted
	// serials are those of the zone before anything was written, by nameserver.
	serials map[string]uint32
	// unresolved are the questions that a resolver answers with SERVFAIL.
	unresolved []string
	allSteps   bool // taken, so that the end of ctx has cost no more than measurements
}

// Run checks, and returns what it found. When it returns, the probe record is removed, or Result.LeftBehind names it;
// that also holds when ctx is done early. The error tells that the options are wrong, and then nothing was done.
func Run(ctx context.Context, o Options) (*Result, error) {
	name, wildcard, err := parseName(o.Name)
	if err != nil {
		return nil, err
	}
	c := &Check{options: o, Result: &Result{Version: o.Version, Commit: o.Commit, Name: name, Wildcard: wildcard, Steps: []Step{}}, unlisted: map[string]unlisted{}, serials: map[string]uint32{}}
	for _, s := range o.Before {
		c.Step(s.ID, s.Status, s.Summary, s.Remedy)
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	if o.Host != nil {
		c.Result.host = o.Host.Name()
		c.takeSteps(ctx)
	}
	if c.account != nil {
		c.Result.APICalls = c.account.Calls()
	}
	c.Result.Outcome = outcome(c.Result.Steps)
	if why, _, cut := CutShort(ctx); cut {
		c.Note("The report is not complete: " + why + ".")
		if c.Result.Outcome == Well && !c.allSteps {
			c.Result.Outcome = Unclear
		}
	}
	return c.Result, nil
}

// takeSteps goes on for as long as the steps before allow it. What public DNS tells is told in any case.
func (c *Check) takeSteps(ctx context.Context) {
	domains, accepted := c.checkKey(ctx)
	if ctx.Err() != nil {
		return
	}
	c.checkResolution(ctx)
	at := c.checkChallenge(ctx, domains, accepted)
	c.checkAllowed(at)
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
	case c.options.ReadOnly:
		c.Step(StepWrite, Skipped, "No probe record is written, as --read-only asks.", "")
	case c.options.RemoveValue != "":
		c.Step(StepWrite, Skipped, "No probe record is written where --remove-value is given.", "")
	case c.options.Probed != nil && c.options.Probed(c.Result.Domain):
		c.Step(StepWrite, Skipped, fmt.Sprintf("The probe of %s above covers this name.", c.Result.Domain), "")
	case !c.Writes():
		c.Step(StepWrite, Skipped, "No probe record is written without --write. "+c.options.Host.Risk(), "")
	default:
		c.account.Probe(ctx, c, Probe{Domain: c.Result.Domain, TTL: c.options.TTL, Nameservers: nameservers})
	}
}

// checkAllowed reports whether the webhook may answer challenges at a name.
func (c *Check) checkAllowed(at string) {
	allowed := c.options.AllowedDomains
	if len(allowed) == 0 {
		return
	}
	if c.isAllowed(at) {
		c.Step(StepAllowed, OK, fmt.Sprintf("The webhook may write %s: it is in --allowed-domains.", at), "")
		return
	}
	c.Step(StepAllowed, Problem, fmt.Sprintf("The webhook may not write %s: --allowed-domains has %s alone.", at, List(allowed)),
		"Add the domain to --allowed-domains of the webhook (in the chart: allowedDomains).")
}

func (c *Check) isAllowed(at string) bool {
	return len(c.options.AllowedDomains) == 0 || slices.ContainsFunc(c.options.AllowedDomains, func(domain string) bool {
		return dnsname.IsSubdomain(at, dnsname.TrimDot(domain))
	})
}

// checkPlace looks at the domain that holds the challenge. It is managed if records can be written there; the nameservers
// are those that should serve them.
func (c *Check) checkPlace(ctx context.Context, domains []string, at string) (managed bool, nameservers []string) {
	domain := c.checkDomain(ctx, domains, at)
	if c.Result.Domain = domain; domain == "" {
		return false, nil
	}
	nameservers, managed = c.account.Managed(ctx, c, domain)
	if ctx.Err() != nil {
		return false, nil
	}
	if managed {
		c.checkValues(ctx, domain, at)
		c.checkWildcard(domain, at)
	}
	nameservers = c.checkDelegation(ctx, domain, at, nameservers)
	c.checkServers(ctx, domain, nameservers)
	return managed, nameservers
}

// Writes reports whether a probe record is to be written.
func (c *Check) Writes() bool {
	return !c.options.ReadOnly && (c.options.Write || c.options.Host.Risk() == "")
}

var errNoCluster = errors.New("no cluster is configured")

// Cluster says how to reach the cluster that the webhook runs in, if one is known.
func (c *Check) Cluster() (*rest.Config, error) {
	if c.options.Cluster == nil {
		return nil, errNoCluster
	}
	return c.options.Cluster()
}

// Step notes and tells how a step ended.
func (c *Check) Step(id StepID, status Status, summary, remedy string) {
	s := Step{ID: id, Status: status, Summary: withoutAddresses(summary), Remedy: withoutAddresses(remedy)}
	c.Result.Steps = append(c.Result.Steps, s)
	if c.options.OnStep != nil {
		c.options.OnStep(s)
	}
}

// Progress tells in words what the check waits for.
func (c *Check) Progress(words string) {
	if c.options.OnProgress != nil {
		c.options.OnProgress(words)
	}
}

// Aside tells what is for the one who runs the check alone, such as an IP address: the report is meant to be shown around.
func (c *Check) Aside(words string) {
	if c.options.OnAside != nil {
		c.options.OnAside(words)
	}
}

// CutShort says why a step could not be ended, if the whole check was stopped.
func CutShort(ctx context.Context) (why, remedy string, cut bool) {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "the time of the whole check was over", "Give more time with --timeout.", true
	case ctx.Err() != nil:
		return "the check was interrupted", "Run it again.", true
	default:
		return "", "", false
	}
}
