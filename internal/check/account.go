package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// callTime bounds one call of the API, with all its attempts.
const callTime = 20 * time.Second

// checkKey tells whether the API takes the key, and which domains it opens.
func (c *check) checkKey(ctx context.Context) (domains []string, accepted bool) {
	key, err := c.Key.Key(ctx)
	if err != nil {
		status, remedy := Problem, ""
		if e := (*KeyError)(nil); errors.As(err, &e) {
			remedy = e.Remedy
			if e.Passing {
				status = Unknown
			}
		}
		c.step(StepKey, status, err.Error(), remedy)
		return nil, false
	}
	c.client = mijnhost.NewClient(c.API, key)
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	domains, err = c.client.ListDomains(call)
	if err != nil {
		what := "Whether the API key is good could not be told"
		if errors.Is(err, mijnhost.ErrKeyRefused) {
			what = fmt.Sprintf("The API key from %s is not accepted", c.Key.Origin())
		}
		c.apiFault(ctx, StepKey, what, err)
		return nil, false
	}
	for i, d := range domains {
		domains[i] = mijnhost.Bare(d)
	}
	c.step(StepKey, OK, fmt.Sprintf("mijn.host accepts the API key from %s.", c.Key.Origin()), "")
	return domains, true
}

// checkDomain finds the domain of the account in whose zone the challenge stands.
func (c *check) checkDomain(domains []string, at string) string {
	domain := mijnhost.Covering(domains, at)
	switch domain {
	case "":
		c.step(StepDomain, Problem, fmt.Sprintf("The account of this API key has no domain that %s lies in; it has %s.",
			at, plural(len(domains), "domain", "domains")),
			fmt.Sprintf("Use the API key of the account that has the domain of %s, or move the domain there.", at))
	case c.result.Name:
		c.step(StepDomain, OK, fmt.Sprintf("The account has the domain %s.", domain), "")
	default:
		c.step(StepDomain, OK, fmt.Sprintf("The account has the domain %s, and %s lies in it.", domain, at), "")
	}
	return domain
}

// checkManaged tells whether the domain's records are at mijn.host, and what the API says of the domain. The details are
// not documented by mijn.host, so the records themselves decide.
func (c *check) checkManaged(ctx context.Context, domain string) (mijnhost.Domain, bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	detail, detailErr := c.client.Domain(call, domain)
	if _, err := c.client.Records(call, domain); err != nil {
		switch {
		case errors.Is(err, mijnhost.ErrNotManaged), detailErr == nil && detail.ManagedDNS != nil && !*detail.ManagedDNS:
			c.step(StepManaged, Problem, fmt.Sprintf("The DNS of %s is not managed by mijn.host.", domain),
				fmt.Sprintf("In mijn.host's control panel let %s use the nameservers of mijn.host, or use the webhook of its DNS host.", domain))
		default:
			c.apiFault(ctx, StepManaged, fmt.Sprintf("The records of %s cannot be read", domain), err)
		}
		return detail, false
	}
	c.step(StepManaged, OK, fmt.Sprintf("mijn.host manages the DNS of %s.", domain), "")
	return detail, true
}

// apiFault ends a step in which the API failed. A refusal is a problem; silence is not known to be one.
func (c *check) apiFault(ctx context.Context, id StepID, what string, err error) {
	if why, remedy, cut := cutShort(ctx); cut {
		c.step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), remedy)
		return
	}
	status := Problem
	var remedy string
	switch {
	case errors.Is(err, mijnhost.ErrKeyRefused):
		remedy = "Check the key and its expiry date in mijn.host's control panel under Account, API Access; if it has a list of IP " +
			"addresses, add the one from which this system reaches the internet."
	case errors.Is(err, mijnhost.ErrRateLimited):
		status, remedy = Unknown, "Run the check again in some minutes. If it stays so, find what else uses this API key."
	case errors.Is(err, mijnhost.ErrUnavailable):
		status, remedy = Unknown, "See whether this system may reach the API (HTTPS, proxy, NetworkPolicy, --mijnhost-base-url), and run the check again."
	default:
		remedy = "Run the check again, for mijn.host is known to refuse now and then without a cause. If it stays so, ask mijn.host with this message."
	}
	c.step(id, status, fmt.Sprintf("%s: %v.", what, err), remedy)
}
