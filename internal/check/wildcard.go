package check

import (
	"fmt"
	"slices"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkWildcard reports a name that stops resolving while a challenge is in progress. A record below a name makes the name exist,
// and a wildcard does not apply to a name that exists (RFC 4592, section 2.2.2).
func (c *Check) checkWildcard(domain, at string) {
	name := c.Result.Name
	if !dnsname.IsSubdomain(name, domain) {
		return
	}
	var names, wildcards []string
	for _, r := range c.account.Records(domain) {
		switch {
		case r.Name == at && r.Type == "TXT": // of a challenge
		default:
			names = append(names, r.Name)
		}
	}
	exists := func(name string) bool {
		return name == domain || slices.ContainsFunc(names, func(n string) bool { return dnsname.IsSubdomain(n, name) })
	}
	if exists(name) {
		return
	}
	closest := parent(name)
	for !exists(closest) {
		closest = parent(closest)
	}
	wildcard := "*." + closest
	for _, r := range c.account.Records(domain) {
		if r.Name == wildcard && !slices.Contains(wildcards, r.Type) {
			wildcards = append(wildcards, r.Type)
		}
	}
	if len(wildcards) == 0 {
		return
	}
	c.Step(StepWildcard, Problem, fmt.Sprintf("%s has no record of its own and resolves through %s (%s). While a challenge's TXT record is at %s, "+
		"the wildcard does not apply, and %s does not resolve (RFC 4592, section 2.2.2).", name, wildcard, List(wildcards), at, name),
		fmt.Sprintf("Add a record for %s with the same value as %s, or request a certificate for %s.", name, wildcard, wildcard))
}
