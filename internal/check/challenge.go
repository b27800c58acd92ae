package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// ChallengeLabel begins the name of every challenge.
const ChallengeLabel = "_acme-challenge"

const maxCNAMEs = 8

// checkChallenge follows the CNAMEs of the challenge's name and returns the name at which challenges are to be
// answered. The domains are known only if the key was accepted.
func (c *Check) checkChallenge(ctx context.Context, domains []string, known bool) string {
	name := ChallengeLabel + "." + c.Result.Name
	chain, err := followCNAMEs(ctx, c.options.DNS, name)
	target := chain[len(chain)-1]
	switch {
	case err != nil:
		c.dnsFault(ctx, StepChallenge, fmt.Sprintf("Cannot determine whether %s is a CNAME", name), err)
		return name
	case len(chain) > maxCNAMEs:
		c.Step(StepChallenge, Problem, fmt.Sprintf("The CNAMEs of %s go round in a circle, or are too many.", name),
			fmt.Sprintf("Remove the CNAME at %s, or let it lead to its end at once.", name))
		return name
	case target == name:
		c.Step(StepChallenge, OK, fmt.Sprintf("Challenges are answered at %s itself; no CNAME leads away.", name), "")
		return name
	case c.isWildcard(ctx, chain[1]) && c.options.CNAMEStrategy == "Follow":
		c.Step(StepChallenge, Problem, fmt.Sprintf("A wildcard CNAME leads from %s to %s until a record is written, and the solver follows it.", name, target),
			"Set cnameStrategy of the solver to None.")
		return name
	case c.isWildcard(ctx, chain[1]):
		c.Step(StepChallenge, OK, fmt.Sprintf("Challenges are answered at %s. A wildcard CNAME leads from there to %s "+
			"until a record is written, and cert-manager follows it if cnameStrategy of the Issuer is Follow: leave it at None.", name, target), "")
		return name
	case known && c.isElsewhere(ctx, domains, target):
		c.Step(StepChallenge, Problem, fmt.Sprintf("A CNAME leads from %s to %s, and no domain of this account covers that name.", name, target),
			fmt.Sprintf("Remove the CNAME at %s, or answer its challenges where %s is hosted.", name, target))
		return name
	case c.options.CNAMEStrategy == "None":
		c.Step(StepChallenge, Problem, fmt.Sprintf("A CNAME leads from %s to %s, and the solver does not follow CNAMEs.", name, target),
			"Set cnameStrategy of the solver to Follow, or remove the CNAME.")
		return target
	case c.options.CNAMEStrategy == "Follow":
		c.Step(StepChallenge, OK, fmt.Sprintf("A CNAME leads from %s to %s, and the solver follows it.", name, target), "")
		return target
	default:
		c.Step(StepChallenge, OK, fmt.Sprintf("A CNAME leads from %s to %s: set cnameStrategy of the Issuer to Follow.", name, target), "")
		return target
	}
}

// isElsewhere reports whether the account has no domain that covers a name. StepDomain reports failures.
func (c *Check) isElsewhere(ctx context.Context, domains []string, name string) bool {
	domain, err := c.domainOf(ctx, domains, name)
	return domain == "" && err == nil
}

// followCNAMEs returns name and all names to which it leads in turn, at most maxCNAMEs.
func followCNAMEs(ctx context.Context, d DNS, name string) (chain []string, err error) {
	chain = []string{name}
	for len(chain) <= maxCNAMEs {
		m, err := resolve(ctx, d, name, dns.TypeCNAME)
		if err != nil {
			return chain, err
		}
		if name = cnameIn(m, name); name == "" {
			break
		}
		chain = append(chain, name)
	}
	return chain, nil
}

// isWildcard reports whether any name beside the challenge's leads to target, so that it is a wildcard that answers.
func (c *Check) isWildcard(ctx context.Context, target string) bool {
	other := RandomWord() + "." + c.Result.Name
	m, err := resolve(ctx, c.options.DNS, other, dns.TypeCNAME)
	return err == nil && cnameIn(m, other) == target
}

// dnsFault ends a step in which DNS did not answer: it may be this system's own trouble.
func (c *Check) dnsFault(ctx context.Context, id StepID, what string, err error) {
	remedy := "Allow this system to query DNS (UDP and TCP port 53), or name another resolver with --resolver."
	if why, otherRemedy, cut := CutShort(ctx); cut {
		c.Step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), otherRemedy)
		return
	}
	if len(c.unresolved) > 0 && errors.Is(err, errRcode(dns.RcodeServerFailure)) {
		return // it has been told, with its own remedy
	}
	c.Step(id, Unknown, fmt.Sprintf("%s: %v.", what, err), remedy)
}
