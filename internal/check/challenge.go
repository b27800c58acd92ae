package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// ChallengeLabel is the first label of every challenge's name (RFC 8555, section 8.4).
const ChallengeLabel = "_acme-challenge"

const maxCNAMEs = 8

// checkChallenge follows the CNAMEs of the challenge's name and returns the name that gets the TXT record. known reports whether
// the key was accepted; otherwise domains is empty.
func (c *Check) checkChallenge(ctx context.Context, domains []string, known bool) string {
	name := ChallengeLabel + "." + c.Result.Name
	chain, err := followCNAMEs(ctx, c.options.DNS, name)
	target := chain[len(chain)-1]
	switch {
	case err != nil:
		c.dnsFault(ctx, StepChallenge, fmt.Sprintf("Cannot determine whether %s is a CNAME", name), err)
		return name
	case len(chain) > 1+maxCNAMEs:
		c.Step(StepChallenge, Problem, fmt.Sprintf("The CNAMEs of %s form a loop, or there are more than %d.", name, maxCNAMEs),
			fmt.Sprintf("Remove the CNAME at %s, or point it directly to its final target.", name))
		return name
	case target == name:
		c.Step(StepChallenge, OK, fmt.Sprintf("Challenges use %s; it is not a CNAME.", name), "")
		return name
	case c.isWildcard(ctx, chain[1]) && c.options.CNAMEStrategy == "Follow":
		c.Step(StepChallenge, Problem, fmt.Sprintf("Until its TXT record is written, %s is a wildcard CNAME to %s, and the solver follows it.", name, target),
			"Set the solver's cnameStrategy to None.")
		return name
	case c.isWildcard(ctx, chain[1]):
		c.Step(StepChallenge, OK, fmt.Sprintf("Challenges use %s. Until its TXT record is written, it is a wildcard CNAME to %s, "+
			"which cert-manager follows if the solver's cnameStrategy is Follow: leave it at None.", name, target), "")
		return name
	case known && c.isElsewhere(ctx, domains, target):
		c.Step(StepChallenge, Problem, fmt.Sprintf("%s is a CNAME to %s, and this account has no domain that covers that name.", name, target),
			fmt.Sprintf("Remove the CNAME at %s, or use a solver for the DNS host of %s.", name, target))
		return name
	case c.options.CNAMEStrategy == "None":
		c.Step(StepChallenge, Problem, fmt.Sprintf("%s is a CNAME to %s, and the solver does not follow CNAMEs.", name, target),
			"Set the solver's cnameStrategy to Follow, or remove the CNAME.")
		return target
	case c.options.CNAMEStrategy == "Follow":
		c.Step(StepChallenge, OK, fmt.Sprintf("%s is a CNAME to %s, and the solver follows it.", name, target), "")
		return target
	default:
		c.Step(StepChallenge, OK, fmt.Sprintf("%s is a CNAME to %s. Set the solver's cnameStrategy to Follow.", name, target), "")
		return target
	}
}

// isElsewhere reports whether the account has no domain that covers name. StepDomain reports API errors.
func (c *Check) isElsewhere(ctx context.Context, domains []string, name string) bool {
	domain, err := c.domainOf(ctx, domains, name)
	return domain == "" && err == nil
}

// followCNAMEs returns name and its CNAME targets in order, at most one more than maxCNAMEs.
func followCNAMEs(ctx context.Context, d DNS, name string) (chain []string, err error) {
	chain = []string{name}
	for len(chain) <= 1+maxCNAMEs {
		m, err := resolve(ctx, d, name, dns.TypeCNAME)
		if err != nil {
			return chain, err
		}
		if name = cnameIn(m); name == "" {
			break
		}
		chain = append(chain, name)
	}
	return chain, nil
}

// isWildcard reports whether a random name next to the challenge's is also a CNAME to target, which only a wildcard can cause.
func (c *Check) isWildcard(ctx context.Context, target string) bool {
	m, err := resolve(ctx, c.options.DNS, RandomWord()+"."+c.Result.Name, dns.TypeCNAME)
	return err == nil && cnameIn(m) == target
}

// dnsFault ends a step whose DNS query failed. The cause can be this system's network, so the result is inconclusive.
func (c *Check) dnsFault(ctx context.Context, id StepID, what string, err error) {
	remedy := "Allow this system to query DNS (UDP and TCP port 53), or set another resolver with --resolver."
	if why, otherRemedy, cut := CutShort(ctx); cut {
		c.Step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), otherRemedy)
		return
	}
	if len(c.unresolved) > 0 && errors.Is(err, errRcode(dns.RcodeServerFailure)) {
		return // StepResolution has reported it
	}
	c.Step(id, Unknown, fmt.Sprintf("%s: %v.", what, err), remedy)
}
