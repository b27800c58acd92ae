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
	negativeTTL   = 1 // so that no resolver remembers for long that a challenge is not there yet
	maxCNAMEs     = 8
	udpSize       = 1232
)

// Zone is a zone as DNS serves it at a moment. SOA and apex NS are made here.
type Zone struct {
	Domain      string // no trailing dot; "" is the root
	Serial      uint32
	Nameservers []string
	Records     Records
}

// Records are the records of a zone: the name of each, absolute and lower-case,
// and what makes it, which is nil for one that DNS can not have.
type Records = iter.Seq2[string, func() dns.RR]

// RecordsOf are records that are made already.
func RecordsOf(records []dns.RR) Records {
	return func(yield func(string, func() dns.RR) bool) {
		for _, rr := range records {
			if !yield(rr.Header().Name, func() dns.RR { return rr }) {
				return
			}
		}
	}
}

// Zones is what a simulator hosts.
type Zones interface {
	// ZoneOf is the zone of exactly that domain. "" is the root, which has
	// nothing but what is hosted below it.
	ZoneOf(domain string) (Zone, bool)
	// HostsBelow reports whether any zone is hosted below the name; "" is the root.
	HostsBelow(name string) bool
}

// Answer is the answer of DNS to a query, of any size, as authority for every
// zone that is hosted. It also stands in for a resolver (RA is set), as it can
// be the only one that cert-manager and an ACME server have: CNAMEs are
// followed from zone to zone, and of whatever is not hosted it says in the
// root's name that it does not exist.
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

// closestZone is the longest zone that covers a name, or else the root.
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

// resolve looks a question up and follows CNAMEs. The code of the answer, and
// the SOA of one that has nothing, are those of the last name (RFC 6604).
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
			return // a CNAME to the world outside; its answer would be elsewhere
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
	m.Rcode = dns.RcodeServerFailure // a loop
}

// addGlue adds the addresses of the nameservers in the answer.
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

// wanted are the records of a name's set that answer a question for a type. A
// CNAME answers every question.
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

// lookup is all records of a name, those of a wildcard included, and whether the
// name exists: it also does if it only has something below it.
func (z Zone) lookup(name string) (set []dns.RR, exists bool) {
	apex := z.Domain + "."
	above := ancestors(name, apex)
	if len(above) == 0 {
		set, exists = z.apexSet(), true
	}
	closest := len(above) - 1 // the nearest of the names above that exists: the apex does
	if z.Records == nil {     // the root, as a rule
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

// apexSet is what a zone has at its top without anybody's having written it.
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

// ancestors are the names above a name up to the apex, the longest first; none
// for the apex itself.
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

// isBelow reports whether a name is below another, both absolute and lower-case.
func isBelow(name, above string) bool {
	if above == "." {
		return name != "."
	}
	return len(name) > len(above) && strings.HasSuffix(name, above) && name[len(name)-len(above)-1] == '.'
}

// unique leaves out copies of a record, as a set of DNS has none.
func unique(set []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range set {
		if !slices.ContainsFunc(out, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
			out = append(out, rr)
		}
	}
	return out
}
