package check

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkDelegation compares the nameservers in the parent zone with those of the account, and returns the nameservers that should
// serve the probe record.
func (c *Check) checkDelegation(ctx context.Context, domain, at string, ours []string, managed bool) []string {
	for i, ns := range ours {
		ours[i] = dnsname.TrimDot(ns)
	}
	if cut := c.zoneCut(ctx, domain, at); cut != "" {
		c.Step(StepDelegation, Problem, fmt.Sprintf("%s is not in the zone %s: %s is delegated as a separate zone.", at, domain, cut),
			fmt.Sprintf("Remove the NS records of %s from %s, or use a solver for the DNS host of %s.", cut, domain, cut))
		return ours
	}
	world, err := c.delegatedTo(ctx, domain)
	switch {
	case err != nil:
		c.dnsFault(ctx, StepDelegation, fmt.Sprintf("Cannot determine the delegation of %s", domain), err)
		return ours
	case len(world) == 0:
		c.Step(StepDelegation, Problem, fmt.Sprintf("%s is not delegated: the parent zone has no NS records for it.", domain),
			fmt.Sprintf("Check in %s's control panel that %s is registered, not expired and not on hold.", c.options.Host.Name(), domain))
		return ours
	case len(ours) == 0:
		c.Step(StepDelegation, Unknown, fmt.Sprintf("%s is delegated to %s. The API does not list the account's nameservers to compare.", domain, List(world)),
			fmt.Sprintf("Compare them with the nameservers in %s's control panel.", c.options.Host.Name()))
		return world
	}
	foreign := c.foreign(ctx, world, ours)
	if len(foreign) == 0 {
		c.Step(StepDelegation, OK, fmt.Sprintf("%s is delegated to the account's nameservers %s.", domain, List(world)), "")
		return world
	}
	if managed && !slices.ContainsFunc(foreign, func(ns string) bool { return !dnsname.IsSubdomain(ns, cloudflare) }) {
		c.throughCloudflare(domain, world)
		return world
	}
	c.Step(StepDelegation, Problem, fmt.Sprintf("%s is delegated to %s; of these the account does not know %s.", domain, List(world), List(foreign)),
		fmt.Sprintf("If %s is to be served by %s, set its nameservers at its registrar to %s once its zone there is complete, and wait until the old ones have expired. "+
			"If it is served elsewhere on purpose, leave them, and answer its challenges there, or delegate %s by CNAME.", domain, c.options.Host.Name(), List(ours), at))
	return ours
}

// cloudflare is the domain of Cloudflare's nameservers.
const cloudflare = "ns.cloudflare.com"

// throughCloudflare ends StepDelegation for a domain that the API reports as hosted although it is delegated to Cloudflare. The host
// can publish its zones there, so only the probe shows whether the nameservers serve the account's records.
func (c *Check) throughCloudflare(domain string, world []string) {
	summary := fmt.Sprintf("%s is delegated to Cloudflare's nameservers %s, and %s reports that it hosts the DNS.", domain, List(world), c.options.Host.Name())
	if c.Writes() && c.options.RemoveValue == "" {
		c.Step(StepDelegation, OK, summary+" The probe shows whether they serve its records.", "")
		return
	}
	c.Step(StepDelegation, Unknown, summary+" Only a probe record shows whether they serve its records.", "Run the check with a probe record.")
}

// zoneCut returns the zone below domain that contains the challenge's name, or "" if there is none or the query failed.
func (c *Check) zoneCut(ctx context.Context, domain, at string) string {
	m, err := resolve(ctx, c.options.DNS, at, dns.TypeSOA)
	if err != nil {
		return ""
	}
	for _, section := range [][]Record{m.Answers, m.Authority} {
		for _, r := range section {
			zone := r.Name
			if r.Type == dns.TypeSOA && zone != domain && dnsname.IsSubdomain(zone, domain) && dnsname.IsSubdomain(at, zone) {
				return zone
			}
		}
	}
	return ""
}

// delegatedTo queries the nameservers of the parent zone, because a cache can be stale and the zone's own NS records can differ.
// If they cannot be reached, it queries the resolver.
func (c *Check) delegatedTo(ctx context.Context, domain string) ([]string, error) {
	for _, address := range c.nameserversAbove(ctx, domain) {
		m, err := askNameserver(ctx, c.options.DNS, []netip.Addr{address}, domain, dns.TypeNS)
		if err == nil {
			return nsNames(m, domain), nil
		}
	}
	m, err := resolve(ctx, c.options.DNS, domain, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	names := nsNames(m, domain)
	c.Note(fmt.Sprintf("The nameservers of the parent zone of %s did not answer, so the delegation comes from the resolver.", domain))
	return names, nil
}

// maxAbove is the maximum number of parent nameservers to try. On a network that blocks port 53, each one times out.
const maxAbove = 4

// nameserversAbove returns addresses of nameservers of the closest zone above domain.
func (c *Check) nameserversAbove(ctx context.Context, domain string) []netip.Addr {
	for above := parent(domain); ; above = parent(above) {
		m, err := resolve(ctx, c.options.DNS, above, dns.TypeNS)
		if err != nil {
			return nil
		}
		var addresses []netip.Addr
		for _, ns := range nsNames(m, above) {
			if len(addresses) >= maxAbove {
				break
			}
			found, err := addressesOf(ctx, c.options.DNS, ns)
			if err == nil {
				addresses = append(addresses, found[0]) // one each, so that one dead nameserver does not use up all tries
			}
		}
		if len(addresses) > 0 || above == "" {
			return addresses
		}
	}
}

// foreign returns the nameservers in world that are not in ours. It compares white-label names by address.
func (c *Check) foreign(ctx context.Context, world, ours []string) []string {
	unknown := slices.DeleteFunc(slices.Clone(world), func(ns string) bool { return slices.Contains(ours, ns) })
	if len(unknown) == 0 {
		return nil
	}
	var known []netip.Addr
	for _, ns := range ours {
		addresses, err := addressesOf(ctx, c.options.DNS, ns)
		if err == nil {
			known = append(known, addresses...)
		}
	}
	return slices.DeleteFunc(unknown, func(ns string) bool {
		addresses, err := addressesOf(ctx, c.options.DNS, ns)
		return err == nil && !slices.ContainsFunc(addresses, func(a netip.Addr) bool { return !slices.Contains(known, a) })
	})
}

// Note adds a remark that belongs to no step.
func (c *Check) Note(words string) { c.Result.Notes = append(c.Result.Notes, withoutAddresses(words)) }
