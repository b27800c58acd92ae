package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkKey reports whether the API accepts the key, and returns the account's domains.
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

// checkDomain finds the domain of the account whose zone contains the challenge's name.
func (c *Check) checkDomain(ctx context.Context, domains []string, at string) string {
	domain, err := c.domainOf(ctx, domains, at)
	switch {
	case err != nil:
		c.notFound(ctx, StepDomain, fmt.Sprintf("The account lists no domain that covers %s, and a lookup of its parents was inconclusive", at), err)
	case domain == "":
		list := "."
		if domains != nil {
			list = " (it lists " + plural(len(domains), "domain", "domains") + ")."
		}
		c.Step(StepDomain, Problem, fmt.Sprintf("The account of this API key has no domain that covers %s%s", at, list),
			fmt.Sprintf("Use an API key of the account that owns the domain of %s.", at))
	case domain == c.Result.Name:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s.", domain), "")
	default:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s, which covers %s.", domain, at), "")
	}
	return domain
}

// domainOf returns the longest domain of the account that covers name, or "". The list can be incomplete, so without a match it
// asks the API for each parent of the name.
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

// unlisted is a cached result of Account.Unlisted.
type unlisted struct {
	domain string
	err    error
}

// notFound ends a step whose lookup of a domain failed.
func (c *Check) notFound(ctx context.Context, id StepID, what string, err error) {
	if why, remedy, cut := CutShort(ctx); cut {
		c.Step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), remedy)
		return
	}
	c.Step(id, Unknown, fmt.Sprintf("%s: %v.", what, err), "Run the check again in a few minutes.")
}
