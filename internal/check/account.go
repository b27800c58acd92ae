package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkKey tells whether the API takes the key, and which domains it opens.
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
func (c *Check) checkDomain(domains []string, at string) string {
	domain := dnsname.LongestMatch(domains, at)
	switch domain {
	case "":
		c.Step(StepDomain, Problem, fmt.Sprintf("The account of this API key has no domain that %s lies in; it has %s.",
			at, plural(len(domains), "domain", "domains")),
			fmt.Sprintf("Use the API key of the account that has the domain of %s, or move the domain there.", at))
	case c.Result.Name:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s.", domain), "")
	default:
		c.Step(StepDomain, OK, fmt.Sprintf("The account has the domain %s, and %s lies in it.", domain, at), "")
	}
	return domain
}
