package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkResolution reports whether a resolver answers what cert-manager and the CA ask: TXT of the challenge, SOA on the way to
// the zone, CAA. A CA validates DNSSEC, and stops where the answer is SERVFAIL.
func (c *Check) checkResolution(ctx context.Context) {
	name := ChallengeLabel + "." + c.Result.Name
	var bogus, failing []string
	silent := false
	ask := func(name string, qtype uint16) *Answer {
		m, err := c.options.DNS.Resolve(ctx, Query{Name: name, Type: qtype, Recursive: true})
		switch {
		case err != nil || m.RCode != dns.RcodeServerFailure && rcodeError(m) != nil:
			silent = true // the steps that follow tell
			return nil
		case m.RCode != dns.RcodeServerFailure:
			return m
		}
		question := dns.TypeToString[qtype] + " of " + name
		unchecked, err := c.options.DNS.Resolve(ctx, Query{Name: name, Type: qtype, Recursive: true, Unchecked: true})
		if err == nil && rcodeError(unchecked) == nil {
			bogus = append(bogus, question)
			return unchecked
		}
		failing = append(failing, question)
		return nil
	}
	ask(name, dns.TypeTXT)
	ask(c.Result.Name, dns.TypeCAA)
	zone := ""
	for at := name; strings.Contains(at, ".") && zone == "" && ctx.Err() == nil; at = parent(at) {
		m := ask(at, dns.TypeSOA)
		if m == nil {
			continue
		}
		for _, section := range [][]Record{m.Answers, m.Authority} {
			if i := slices.IndexFunc(section, func(r Record) bool { return r.Type == dns.TypeSOA && dnsname.IsSubdomain(at, r.Name) }); i >= 0 {
				zone = section[i].Name
			}
		}
	}
	c.unresolved = append(slices.Clone(bogus), failing...)
	switch {
	case ctx.Err() != nil:
	case len(bogus) > 0:
		c.Step(StepResolution, Problem, fmt.Sprintf("DNSSEC of %s is not valid: the resolver answers SERVFAIL for %s, and answers where validation is off. CAs validate DNSSEC.",
			orName(zone, c.Result.Name), List(bogus)),
			"At the registrar correct the DS records of the domain, or remove them if the zone is not signed. Then wait until the old ones have expired.")
	case len(failing) > 0:
		c.Step(StepResolution, Problem, fmt.Sprintf("The resolver answers SERVFAIL for %s, also where DNSSEC validation is off. cert-manager and CAs stop there.", List(failing)),
			"Make sure that every nameserver that the domain is delegated to has the zone and answers queries of this type. If another resolver "+
				"(--resolver) answers, fix this system's.")
	case silent:
	default:
		c.Step(StepResolution, OK, "The resolver answers for the challenge's name, SOA and CAA. "+c.signed(ctx, zone), "")
	}
}

func orName(zone, name string) string {
	if zone == "" {
		return name
	}
	return zone
}

// signed says whether a zone is signed, as far as the zone above says so.
func (c *Check) signed(ctx context.Context, zone string) string {
	if !strings.Contains(zone, ".") {
		return "Cannot determine whether the domain is signed with DNSSEC."
	}
	m, err := c.options.DNS.Resolve(ctx, Query{Name: zone, Type: dns.TypeDS, Recursive: true})
	switch {
	case err != nil || rcodeError(m) != nil:
		return fmt.Sprintf("Cannot determine whether %s is signed with DNSSEC.", zone)
	case !slices.ContainsFunc(m.Answers, func(r Record) bool { return r.Type == dns.TypeDS }):
		return fmt.Sprintf("%s is not signed with DNSSEC.", zone)
	case m.Validated:
		return fmt.Sprintf("%s is signed with DNSSEC, and the resolver validates it.", zone)
	default:
		return fmt.Sprintf("%s is signed with DNSSEC. This resolver does not validate it, and CAs do.", zone)
	}
}
