package check

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	// slowAnswer is how long an answer takes that is worth a word: a CA asks from several places, and not for long.
	slowAnswer = time.Second
	// longNegative is for how many seconds it may be remembered that a record is not there.
	longNegative = 900
)

// checkServers asks each address of each nameserver, and takes note of the serial of the zone there.
func (c *Check) checkServers(ctx context.Context, domain string, names []string) {
	var dead, slow []string
	dead6 := 0
	answered, answered6 := 0, 0
	negative := uint32(0)
	serials := map[uint32]bool{}
	for _, ns := range names {
		addresses, err := addressesOf(ctx, c.options.DNS, ns)
		if err != nil {
			continue // the probe tells
		}
		for i, address := range addresses {
			begun := time.Now()
			m, err := askNameserver(ctx, c.options.DNS, []netip.Addr{address}, domain, dns.TypeSOA)
			took := time.Since(begun)
			if ctx.Err() != nil {
				return
			}
			label := ns + addressLabel(addresses, i)
			seen := Address{Server: label}
			if err != nil {
				seen.Error = dnsFault(err)
			} else {
				seen.Took, seen.Slow = took.Round(time.Millisecond).Seconds(), took >= slowAnswer
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
			case took >= slowAnswer:
				slow = append(slow, fmt.Sprintf("%s (%.1f s)", label, took.Seconds()))
			}
			answered++
			if address.Is6() {
				answered6++
			}
			for _, r := range append(m.Answers, m.Authority...) {
				if r.Type == dns.TypeSOA && r.Name == domain {
					c.serials[ns], negative = r.Serial, max(negative, r.Minimum)
					serials[r.Serial] = true
				}
			}
		}
	}
	if answered == 0 {
		return // none can be asked from here, which other steps tell
	}
	if negative > longNegative {
		c.Note(fmt.Sprintf("Resolvers may remember for %d s that a record of %s is not there (the minimum of its SOA). "+
			"A challenge that is looked for too early can take that long.", negative, domain))
	}
	if len(serials) > 1 {
		c.Note(fmt.Sprintf("The nameservers of %s have different SOA serials: some have not published the latest zone yet.", domain))
	}
	if len(slow) > 0 {
		c.Note(fmt.Sprintf("Slow nameservers: %s.", List(slow)))
	}
	switch {
	case dead6 > 0 && answered6 == 0 && dead6 == len(dead):
		c.Step(StepServers, OK, "Every nameserver answers over IPv4. Over IPv6 none could be asked from here.", "")
	case len(dead) > 0:
		c.Step(StepServers, Problem, fmt.Sprintf("Not every address of the nameservers answers: %s. A CA asks from several places, and may meet one that does not.", List(dead)),
			fmt.Sprintf("If no one can reach it, ask %s, or take the nameserver out of the delegation.", c.options.Host.Name()))
	default:
		c.Step(StepServers, OK, fmt.Sprintf("Every address of the nameservers answers (%s).", plural(answered, "address", "addresses")), "")
	}
}

// addressLabel tells addresses of one nameserver apart without naming them, where there are several.
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

// published says whether a nameserver that does not serve the probe record has published the zone since it was written.
func (c *Check) published(ctx context.Context, domain, ns string) string {
	before, known := c.serials[ns]
	addresses, err := addressesOf(ctx, c.options.DNS, ns)
	if !known || err != nil {
		return ""
	}
	m, err := askNameserver(ctx, c.options.DNS, addresses, domain, dns.TypeSOA)
	if err != nil {
		return ""
	}
	for _, r := range m.Answers {
		switch {
		case r.Type != dns.TypeSOA:
		case r.Serial == before:
			return "; its SOA serial is the one from before the write, so it has not published the zone yet"
		default:
			return "; its SOA serial has changed since, so the record may be lost"
		}
	}
	return ""
}
