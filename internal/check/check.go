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

// Options configure a check.
type Options struct {
	// Name is the DNS name to check, such as example.nl or *.example.nl.
	Name string
	// Key is the source of the API key.
	Key keysource.Source
	// Host is the DNS host of the domain. If it is nil, the check consists of Before only.
	Host Host
	// DNS answers the check's queries.
	DNS DNS
	// CA is the CA's issuer domain name in CAA records, in lower case and without the final dot.
	CA string
	// TTL is the TTL of the probe record, in seconds.
	TTL int
	// ReadOnly skips the probe record. Write allows it at a host with a Risk.
	ReadOnly, Write bool
	// RemoveValue is a TXT value to remove from the challenge's name; empty for none.
	RemoveValue string
	// Cluster returns the client config of the cluster, or an error if there is none; may be nil.
	Cluster func() (*rest.Config, error)
	// Timeout bounds the check, except the removal of the probe record.
	Timeout time.Duration
	// Version and Commit identify the build.
	Version, Commit string
	// AllowedDomains are the domains that the webhook may solve challenges for; empty allows all.
	AllowedDomains []string
	// Before are steps to report first.
	Before []Step
	// CNAMEStrategy is the solver's: None, Follow, or empty if unknown.
	CNAMEStrategy string
	// Probed reports whether the domain has already been probed; may be nil.
	Probed func(domain string) bool
	// Challenges returns the Challenge that owns each value in the cluster; nil without a cluster.
	Challenges func(ctx context.Context) (map[string]string, error)
	// OnStep is called with each step as it ends; may be nil.
	OnStep func(Step)
	// OnProgress is called repeatedly with what the check is waiting for; may be nil.
	OnProgress func(string)
	// OnAside is called with information for the user that the report must not contain; may be nil.
	OnAside func(string)
}

// Check is a check in progress.
type Check struct {
	// Result is the result so far.
	Result *Result

	options  Options
	account  Account // nil until there is a key
	unlisted map[string]unlisted
	// serials are the zone's serials by nameserver, before the check writes anything.
	serials map[string]uint32
	// unresolved are the queries that the resolver answers with SERVFAIL.
	unresolved []string
	allSteps   bool // all steps are done; if ctx ends now, only measurements are missing
}

// Run runs a check. When it returns, the probe record is removed or Result.LeftBehind names it, even if ctx is done early.
// It returns an error, and does nothing, if the options are invalid.
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
		c.Note("This report is incomplete: " + why + ".")
		if c.Result.Outcome == Well && !c.allSteps {
			c.Result.Outcome = Unclear
		}
	}
	return c.Result, nil
}

// takeSteps takes each step unless an earlier one makes it pointless. It always takes the steps that need only public DNS.
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
		c.Step(StepWrite, Skipped, "Probe record skipped: --read-only is set.", "")
	case c.options.RemoveValue != "":
		c.Step(StepWrite, Skipped, "Probe record skipped: --remove-value is set.", "")
	case c.options.Probed != nil && c.options.Probed(c.Result.Domain):
		c.Step(StepWrite, Skipped, fmt.Sprintf("Probe record skipped: the probe of %s above covers this name.", c.Result.Domain), "")
	case !c.Writes():
		c.Step(StepWrite, Skipped, "Probe record skipped: --write is not set. "+c.options.Host.Risk(), "")
	default:
		c.account.Probe(ctx, c, Probe{Domain: c.Result.Domain, TTL: c.options.TTL, Nameservers: nameservers})
	}
}

// checkAllowed reports whether --allowed-domains covers the challenge's name.
func (c *Check) checkAllowed(at string) {
	allowed := c.options.AllowedDomains
	if len(allowed) == 0 {
		return
	}
	if c.isAllowed(at) {
		c.Step(StepAllowed, OK, fmt.Sprintf("--allowed-domains covers %s.", at), "")
		return
	}
	c.Step(StepAllowed, Problem, fmt.Sprintf("The webhook may not write %s: --allowed-domains has only %s.", at, List(allowed)),
		"Add the domain to the webhook's --allowed-domains (chart value allowedDomains).")
}

func (c *Check) isAllowed(at string) bool {
	return len(c.options.AllowedDomains) == 0 || slices.ContainsFunc(c.options.AllowedDomains, func(domain string) bool {
		return dnsname.IsSubdomain(at, dnsname.TrimDot(domain))
	})
}

// checkPlace checks the domain that contains the challenge's name. managed reports whether records can be written there;
// nameservers are those that should serve them.
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
	nameservers = c.checkDelegation(ctx, domain, at, nameservers, managed)
	if !c.found(StepDelegation, Problem) { // to remove a nameserver would be wrong advice for a delegation that is to change
		c.checkServers(ctx, domain, nameservers)
	}
	return managed, nameservers
}

// Writes reports whether the check writes a probe record.
func (c *Check) Writes() bool {
	return !c.options.ReadOnly && (c.options.Write || c.options.Host.Risk() == "")
}

var errNoCluster = errors.New("no cluster configured")

// Cluster returns the client config of the webhook's cluster, or an error if there is none.
func (c *Check) Cluster() (*rest.Config, error) {
	if c.options.Cluster == nil {
		return nil, errNoCluster
	}
	return c.options.Cluster()
}

// Step records and reports the result of a step.
func (c *Check) Step(id StepID, status Status, summary, remedy string) {
	s := Step{ID: id, Status: status, Summary: withoutAddresses(summary), Remedy: withoutAddresses(remedy)}
	c.Result.Steps = append(c.Result.Steps, s)
	if c.options.OnStep != nil {
		c.options.OnStep(s)
	}
}

// found reports whether a step has ended with the status.
func (c *Check) found(id StepID, status Status) bool {
	return slices.ContainsFunc(c.Result.Steps, func(s Step) bool { return s.ID == id && s.Status == status })
}

// Progress reports what the check is waiting for.
func (c *Check) Progress(words string) {
	if c.options.OnProgress != nil {
		c.options.OnProgress(words)
	}
}

// Aside shows the user what must not be in the report, such as an IP address.
func (c *Check) Aside(words string) {
	if c.options.OnAside != nil {
		c.options.OnAside(words)
	}
}

// CutShort reports whether the check timed out or was interrupted, with the reason and the fix.
func CutShort(ctx context.Context) (why, remedy string, cut bool) {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "the check timed out", "Increase --timeout.", true
	case ctx.Err() != nil:
		return "the check was interrupted", "Run it again.", true
	default:
		return "", "", false
	}
}
