package check

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	// slowAnswer is the response time from which a nameserver counts as slow. A CA queries it from several places with short timeouts.
	slowAnswer = time.Second
	// longNegative is the negative TTL, in seconds, above which the report has a note.
	longNegative = 900
)

// checkServers queries each address of each nameserver and records the SOA serial there.
func (c *Check) checkServers(ctx context.Context, domain string, names []string) {
	var dead, slow []string
	dead6 := 0
	answered, answered6 := 0, 0
	negative := uint32(0)
	serials := map[uint32]bool{}
	for _, ns := range names {
		addresses, err := addressesOf(ctx, c.options.DNS, ns)
		if err != nil {
			continue // the probe reports it
		}
		for i, address := range addresses {
			start := time.Now()
			m, err := askNameserver(ctx, c.options.DNS, []netip.Addr{address}, domain, dns.TypeSOA)
			elapsed := time.Since(start)
			if ctx.Err() != nil {
				return
			}
			label := ns + addressLabel(addresses, i)
			seen := Address{Server: label}
			if err != nil {
				seen.Error = dnsFault(err)
			} else {
				seen.Took, seen.Slow = elapsed.Round(time.Millisecond).Seconds(), elapsed >= slowAnswer
			}
			c.Result.Addresses = append(c.Result.Addresses, seen)
			switch {
			case err != nil && address.Is6():
				dead6++
				dead = append(dead, fmt.Sprintf("%s (%s)", label, dnsFault(err)))
				continue
			case err != nil:
				dead = append(dead, fmt.Sprintf("%s (%s)", label, dnsFault(err)))
				continue
			case elapsed >= slowAnswer:
				slow = append(slow, fmt.Sprintf("%s (%.1f s)", label, elapsed.Seconds()))
			}
			answered++
			if address.Is6() {
				answered6++
			}
			for _, r := range m.Answers {
				if r.Type == dns.TypeSOA && r.Name == domain {
					c.serials[ns], negative = r.Serial, max(negative, r.Minimum)
					serials[r.Serial] = true
				}
			}
		}
	}
	if answered == 0 {
		return // other steps report that no nameserver is reachable
	}
	if negative > longNegative {
		c.Note(fmt.Sprintf("Resolvers may cache a missing record of %[2]s for %[1]d s (SOA minimum). "+
			"A challenge that is queried too early can take that long.", negative, domain))
	}
	if len(serials) > 1 {
		c.Note(fmt.Sprintf("The nameservers of %s have different SOA serials: some do not serve the latest zone yet.", domain))
	}
	if len(slow) > 0 {
		c.Note(fmt.Sprintf("Slow nameservers: %s.", List(slow)))
	}
	switch {
	case dead6 > 0 && answered6 == 0 && dead6 == len(dead):
		c.Step(StepServers, OK, "Every nameserver answers over IPv4. This system cannot reach them over IPv6.", "")
	case len(dead) > 0:
		c.Step(StepServers, Problem, fmt.Sprintf("No answer from these nameserver addresses: %s. A CA may query any of them.", List(dead)),
			fmt.Sprintf("If the address is unreachable from other networks too, contact %s or remove the nameserver from the delegation.", c.options.Host.Name()))
	default:
		c.Step(StepServers, OK, fmt.Sprintf("All nameserver addresses answer (%s).", plural(answered, "address", "addresses")), "")
	}
}

// addressLabel distinguishes the addresses of one nameserver without printing them.
func addressLabel(addresses []netip.Addr, i int) string {
	if len(addresses) == 1 {
		return ""
	}
	family, nth, many := "IPv4", 0, 0
	if addresses[i].Is6() {
		family = "IPv6"
	}
	for j, a := range addresses {
		if a.Is6() == addresses[i].Is6() {
			many++
			if j <= i {
				nth++
			}
		}
	}
	if many == 1 {
		return " over " + family
	}
	return fmt.Sprintf(" over %s (address %d of %d)", family, nth, many)
}

// published reports, in words, whether a nameserver without the probe record has published the zone since the write.
func (c *Check) published(ctx context.Context, domain, ns string) string {
	before, known := c.serials[ns]
	addresses, err := addressesOf(ctx, c.options.DNS, ns)
	if !known || err != nil {
		return ""
	}
	m, err := askNameserver(ctx, c.options.DNS, addresses, domain, dns.TypeSOA)
	switch {
	case err != nil || len(m.Answers) == 0 || m.Answers[0].Type != dns.TypeSOA:
		return ""
	case m.Answers[0].Serial == before:
		return "; its SOA serial is unchanged, so it has not published the new zone yet"
	default:
		return "; its SOA serial has changed, so the record may be lost"
	}
}
