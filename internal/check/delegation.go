package check

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// checkDelegation compares the nameservers that the world is sent to with those of the account, and
// returns the ones that should serve the probe record.
func (c *Check) checkDelegation(ctx context.Context, domain, at string, ours []string) []string {
	for i, ns := range ours {
		ours[i] = dnsname.TrimDot(ns)
	}
	if cut := c.zoneCut(ctx, domain, at); cut != "" {
		c.Step(StepDelegation, Problem, fmt.Sprintf("%s is not in the zone %s: %s is a zone of its own below it.", at, domain, cut),
			fmt.Sprintf("Remove the NS records of %s from %s, or answer its challenges where %s is hosted.", cut, domain, cut))
		return ours
	}
	world, err := c.delegatedTo(ctx, domain)
	switch {
	case err != nil:
		c.dnsFault(ctx, StepDelegation, fmt.Sprintf("Cannot determine the delegation of %s", domain), err)
		return ours
	case len(world) == 0:
		c.Step(StepDelegation, Problem, fmt.Sprintf("%s is not delegated: the zone above it knows no nameservers for it.", domain),
			fmt.Sprintf("Check in %s's control panel that %s is registered, not expired and not on hold.", c.options.Host.Name(), domain))
		return ours
	case len(ours) == 0:
		c.Step(StepDelegation, Unknown, fmt.Sprintf("%s is delegated to %s; the API does not say whether these are the account's.", domain, List(world)),
			fmt.Sprintf("Compare them with the nameservers in %s's control panel.", c.options.Host.Name()))
		return world
	}
	foreign := c.foreign(ctx, world, ours)
	if len(foreign) == 0 {
		c.Step(StepDelegation, OK, fmt.Sprintf("%s is delegated to the account's nameservers %s.", domain, List(world)), "")
		return world
	}
	c.Step(StepDelegation, Problem, fmt.Sprintf("%s is delegated to %s; of these the account does not know %s.", domain, List(world), List(foreign)),
		fmt.Sprintf("If %s is to be served by %s, set its nameservers at its registrar to %s once its zone there is complete, and wait until the old ones have expired. "+
			"If it is served elsewhere on purpose, leave them, and answer its challenges there, or delegate %s by CNAME.", domain, c.options.Host.Name(), List(ours), at))
	return ours
}

// zoneCut is the zone below domain that the challenge's name lies in; empty for none, or if that cannot be told.
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

// delegatedTo asks the nameservers of the zone above, so that neither a cache nor the zone's own opinion counts.
// Where they cannot be asked, it takes what the resolver says.
func (c *Check) delegatedTo(ctx context.Context, domain string) ([]string, error) {
	var fault error
	for _, address := range c.nameserversAbove(ctx, domain) {
		m, err := askNameserver(ctx, c.options.DNS, []netip.Addr{address}, domain, dns.TypeNS)
		if err == nil {
			return nsNames(m, domain), nil
		}
		if fault = err; ctx.Err() != nil {
			return nil, fault
		}
	}
	m, err := resolve(ctx, c.options.DNS, domain, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	names := nsNames(m, domain)
	c.Note(fmt.Sprintf("The nameservers of the zone above %s could not be asked; the resolver's word was taken for the delegation.", domain))
	return names, nil
}

// maxAbove bounds how many addresses of nameservers above are tried: a network without a way out would take for ever.
const maxAbove = 4

// nameserversAbove are addresses of nameservers of the closest zone above domain.
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
				addresses = append(addresses, found[0]) // one each, so that a dead one does not use the tries up
			}
		}
		if len(addresses) > 0 || above == "" {
			return addresses
		}
	}
}

// foreign are those of the world's nameservers that are not ours, neither by name nor, as names can be
// white-labelled, by address.
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

// Note adds a remark that is no step of its own.
func (c *Check) Note(words string) { c.Result.Notes = append(c.Result.Notes, withoutAddresses(words)) }
