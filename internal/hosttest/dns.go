package hosttest

import (
	"iter"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const (
	nameserverTTL = 60
	soaTTL        = 60
	negativeTTL   = 1 // short, so that resolvers soon ask again for a missing challenge
	maxCNAMEs     = 8
	udpSize       = 1232
)

// Zone is a snapshot of a zone, as DNS serves it. SOA and apex NS are generated.
type Zone struct {
	Domain      string // no trailing dot; "" is the root
	Serial      uint32
	Nameservers []string
	Records     Records
}

// Records yields the name of each record, absolute and lower-case, and a function that builds it. The function returns
// nil for a record that DNS cannot represent.
type Records = iter.Seq2[string, func() dns.RR]

// RecordsOf wraps records that are already built.
func RecordsOf(records []dns.RR) Records {
	return func(yield func(string, func() dns.RR) bool) {
		for _, rr := range records {
			if !yield(rr.Header().Name, func() dns.RR { return rr }) {
				return
			}
		}
	}
}

// Zones are the zones that a simulator hosts.
type Zones interface {
	// ZoneOf returns the zone of exactly that domain. "" is the root, whose only contents are the hosted zones.
	ZoneOf(domain string) (Zone, bool)
	// HostsBelow reports whether any zone is hosted below the name; "" is the root.
	HostsBelow(name string) bool
}

// Answer returns the DNS answer to a query, of any size, as the authority for every hosted zone. It also serves as the
// only resolver of cert-manager and an ACME server: it sets RA, follows CNAMEs from zone to zone, and returns NXDOMAIN
// from the root for names that are not hosted.
func Answer(zones Zones, query *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(query)
	m.RecursionAvailable = true
	m.Compress = true
	if opt := query.IsEdns0(); opt != nil {
		m.SetEdns0(udpSize, false)
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
	}
	switch {
	case query.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(query.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	case query.Question[0].Qclass != dns.ClassINET,
		query.Question[0].Qtype == dns.TypeAXFR,
		query.Question[0].Qtype == dns.TypeIXFR:
		m.Rcode = dns.RcodeRefused
	default:
		resolve(zones, m, query.Question[0])
	}
	return m
}

// closestZone returns the longest zone that contains name, or the root.
func closestZone(zones Zones, name string) Zone {
	for offset, end := 0, false; !end; offset, end = dns.NextLabel(name, offset) {
		if z, found := zones.ZoneOf(strings.TrimSuffix(name[offset:], ".")); found {
			return z
		}
	}
	if root, found := zones.ZoneOf(""); found {
		return root
	}
	return Zone{Serial: 1}
}

// resolve looks up a question and follows CNAMEs. The response code, and the SOA of a response without data, are those
// of the last name (RFC 6604).
func resolve(zones Zones, m *dns.Msg, q dns.Question) {
	name := strings.ToLower(dns.Fqdn(q.Name))
	for range maxCNAMEs {
		z := closestZone(zones, name)
		m.Authoritative = true
		set, exists := z.lookup(name)
		if z.Domain == "" && !exists {
			exists = zones.HostsBelow(strings.TrimSuffix(name, "."))
		}
		if len(m.Answer) > 0 && z.Domain == "" {
			return // the target of the CNAME is not hosted here
		}
		answers := wanted(set, q.Qtype)
		m.Answer = append(m.Answer, answers...)
		if target := cname(set); target != "" && q.Qtype != dns.TypeCNAME && q.Qtype != dns.TypeANY {
			name = target
			continue
		}
		if len(answers) == 0 {
			m.Ns = append(m.Ns, z.soa(negativeTTL))
			if !exists {
				m.Rcode = dns.RcodeNameError
			}
		} else if q.Qtype == dns.TypeNS {
			addGlue(zones, m)
		}
		return
	}
	m.Rcode = dns.RcodeServerFailure // CNAME loop
}

// addGlue adds the addresses of the nameservers in the answer section.
func addGlue(zones Zones, m *dns.Msg) {
	for _, rr := range m.Answer {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		host := strings.ToLower(ns.Ns)
		if z := closestZone(zones, host); z.Domain != "" {
			set, _ := z.lookup(host)
			m.Extra = append(m.Extra, wanted(set, dns.TypeA)...)
		}
	}
}

// wanted filters a name's records by type. A CNAME matches every type.
func wanted(set []dns.RR, qtype uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range set {
		if t := rr.Header().Rrtype; t == qtype || t == dns.TypeCNAME || qtype == dns.TypeANY {
			out = append(out, rr)
		}
	}
	return out
}

func cname(set []dns.RR) string {
	for _, rr := range set {
		if c, ok := rr.(*dns.CNAME); ok {
			return strings.ToLower(c.Target)
		}
	}
	return ""
}

// lookup returns all records of a name, including those of a wildcard, and whether the name exists. A name with only
// descendants exists.
func (z Zone) lookup(name string) (set []dns.RR, exists bool) {
	apex := z.Domain + "."
	above := ancestors(name, apex)
	if len(above) == 0 {
		set, exists = z.apexSet(), true
	}
	closest := len(above) - 1 // the closest existing ancestor; the apex always exists
	if z.Records == nil {     // usually the root
		return set, exists
	}
	for owner, record := range z.Records {
		if owner == name {
			exists = true
			if rr := record(); rr != nil {
				set = append(set, rr)
			}
			continue
		}
		exists = exists || isBelow(owner, name)
		for i := range max(closest, 0) {
			if owner == above[i] || isBelow(owner, above[i]) {
				closest = i
				break
			}
		}
	}
	if exists {
		return unique(set), true
	}
	wildcard := "*." + above[closest] // of the closest encloser (RFC 4592)
	for owner, record := range z.Records {
		if owner != wildcard {
			continue
		}
		exists = true
		if rr := record(); rr != nil {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			set = append(set, rr)
		}
	}
	return unique(set), exists
}

// apexSet returns the generated SOA and NS of the apex.
func (z Zone) apexSet() []dns.RR {
	set := []dns.RR{z.soa(soaTTL)}
	for _, ns := range z.Nameservers {
		set = append(set, &dns.NS{Hdr: header(z.Domain+".", dns.TypeNS, nameserverTTL), Ns: dns.Fqdn(ns)})
	}
	return set
}

func (z Zone) soa(ttl uint32) *dns.SOA {
	mname, mbox := ".", "."
	if z.Domain != "" {
		mbox = "hostmaster." + z.Domain + "."
	}
	if len(z.Nameservers) > 0 {
		mname = dns.Fqdn(z.Nameservers[0])
	}
	return &dns.SOA{
		Hdr: header(z.Domain+".", dns.TypeSOA, ttl),
		Ns:  mname, Mbox: mbox, Serial: z.Serial,
		Refresh: 3600, Retry: 900, Expire: 1209600, Minttl: negativeTTL,
	}
}

// ancestors returns the ancestors of name up to the apex, the longest first. The apex has none.
func ancestors(name, apex string) []string {
	var out []string
	for name != apex && name != "." {
		offset, end := dns.NextLabel(name, 0)
		if end {
			name = "."
		} else {
			name = name[offset:]
		}
		out = append(out, name)
	}
	return out
}

// isBelow reports whether name is a descendant of above. Both are absolute and lower-case.
func isBelow(name, above string) bool {
	if above == "." {
		return name != "."
	}
	return len(name) > len(above) && strings.HasSuffix(name, above) && name[len(name)-len(above)-1] == '.'
}

// unique removes duplicates, which an RRset cannot have.
func unique(set []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range set {
		if !slices.ContainsFunc(out, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			out = append(out, rr)
		}
	}
	return out
}
