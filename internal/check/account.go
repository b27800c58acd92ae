package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkKey reports whether the API takes the key, and which domains it opens.
func (c *Check) checkKey(ctx context.Context) (domains []string, accepted bool) {
	key, err := c.options.Key.Key(ctx)
	if err != nil {
		status, remedy := Problem, ""
		if e := (*keysource.Error)(nil); errors.As(err, &e) {
			remedy = e.Remedy
			if e.Passing {
				status = Unknown
			}
		}
		c.Step(StepKey, status, err.Error(), remedy)
		return nil, false
	}
	c.account = c.options.Host.Open(key)
	return c.account.Domains(ctx, c, c.options.Key.Origin())
}

// checkDomain finds the domain of the account in whose zone the challenge stands.
func (c *Check) checkDomain(ctx context.Context, domains []string, at string) string {
	domain, err := c.domainOf(ctx, domains, at)
	switch {
	case err != nil:
		c.notFound(ctx, StepDomain, fmt.Sprintf("The list of the account's domains has none that covers %s, and asking for one was inconclusive", at), err)
	case domain == "":
		list := "."
		if domains != nil {
			list = "; its list has " + plural(len(domains), "domain", "domains") + "."
		}
		c.Step(StepDomain, Problem, fmt.Sprintf("The account of this API key has no domain that covers %s%s", at, list),
			fmt.Sprintf("Use the API key of the account that has the domain of %s.", at))
	case domain == c.Result.Name:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s.", domain), "")
	default:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s, which covers %s.", domain, at), "")
	}
	return domain
}

// domainOf is the longest domain of the account that covers a name; empty if there is none. If the list has none, the API is
// asked for the parents of the name, because the list can be cut short.
func (c *Check) domainOf(ctx context.Context, domains []string, name string) (string, error) {
	if domain := dnsname.LongestMatch(domains, name); domain != "" {
		return domain, nil
	}
	if u, ok := c.unlisted[name]; ok {
		return u.domain, u.err
	}
	domain, err := c.account.Unlisted(ctx, name)
	c.unlisted[name] = unlisted{domain, err}
	return domain, err
}

// unlisted is an answer of Account.Unlisted.
type unlisted struct {
	domain string
	err    error
}

// notFound ends a step in which the API could not be asked for a domain.
func (c *Check) notFound(ctx context.Context, id StepID, what string, err error) {
	if why, remedy, cut := CutShort(ctx); cut {
		c.Step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), remedy)
		return
	}
	c.Step(id, Unknown, fmt.Sprintf("%s: %v.", what, err), "Run the check again in some minutes.")
}
