package check

import (
	"fmt"
	"slices"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkWildcard reports whether a challenge takes the name that the certificate is for off DNS: a name that only a wildcard
// answers for exists, and so is not answered for any more, as soon as there is a record below it (RFC 4592, 2.2.2).
func (c *Check) checkWildcard(domain, at string) {
	name := c.Result.Name
	if at != ChallengeLabel+"."+name || !dnsname.IsSubdomain(name, domain) {
		return
	}
	var names, wildcards []string
	for _, r := range c.account.Records(domain) {
		switch {
		case r.Name == at && r.Type == "TXT": // comes and goes
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
	c.Step(StepWildcard, Problem, fmt.Sprintf("%s has no record of its own, and %s (%s) answers for it. While the TXT record of a challenge is under %s, "+
		"the wildcard does not apply to %s, so the name does not resolve (RFC 4592, 2.2.2).", name, wildcard, List(wildcards), at, name),
		fmt.Sprintf("Give %s a record of its own, the same as that of %s, or request the certificate for %s.", name, wildcard, wildcard))
}
