package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkResolution sends the queries that cert-manager and the CA send: TXT of the challenge, SOA up to the zone, and CAA.
// CAs validate DNSSEC and fail on SERVFAIL.
func (c *Check) checkResolution(ctx context.Context) {
	name := ChallengeLabel + "." + c.Result.Name
	var bogus, failing []string
	silent := false
	ask := func(name string, qtype uint16) *Answer {
		m, err := c.options.DNS.Resolve(ctx, Query{Name: name, Type: qtype, Recursive: true})
		switch {
		case err != nil || m.RCode != dns.RcodeServerFailure && rcodeError(m) != nil:
			silent = true // later steps report it
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
		c.Step(StepResolution, Problem, fmt.Sprintf("DNSSEC validation of %s fails: the resolver returns SERVFAIL for %s, but answers with validation disabled. CAs validate DNSSEC.",
			orName(zone, c.Result.Name), List(bogus)),
			"Correct the domain's DS records at the registrar, or remove them if the zone is not signed. Then wait until the old ones expire.")
	case len(failing) > 0:
		c.Step(StepResolution, Problem, fmt.Sprintf("The resolver returns SERVFAIL for %s, even with DNSSEC validation disabled. cert-manager and CAs fail on this.", List(failing)),
			"Make sure that every nameserver of the domain serves the zone and answers this query type. If another resolver "+
				"(--resolver) answers, fix this system's resolver.")
	case silent:
	default:
		c.Step(StepResolution, OK, "The resolver answers the TXT, SOA and CAA queries. "+c.signed(ctx, zone), "")
	}
}

func orName(zone, name string) string {
	if zone == "" {
		return name
	}
	return zone
}

// signed reports, in words, whether the parent zone has a DS record for zone.
func (c *Check) signed(ctx context.Context, zone string) string {
	if !strings.Contains(zone, ".") {
		return "Whether the domain is signed with DNSSEC is unknown."
	}
	m, err := c.options.DNS.Resolve(ctx, Query{Name: zone, Type: dns.TypeDS, Recursive: true})
	switch {
	case err != nil || rcodeError(m) != nil:
		return fmt.Sprintf("Whether %s is signed with DNSSEC is unknown.", zone)
	case !slices.ContainsFunc(m.Answers, func(r Record) bool { return r.Type == dns.TypeDS }):
		return fmt.Sprintf("%s is not signed with DNSSEC.", zone)
	case m.Validated:
		return fmt.Sprintf("%s is signed with DNSSEC and the resolver validates it.", zone)
	default:
		return fmt.Sprintf("%s is signed with DNSSEC. This resolver does not validate it, but CAs do.", zone)
	}
}
