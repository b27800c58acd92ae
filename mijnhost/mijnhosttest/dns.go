package mijnhosttest

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	nameserverDomain = "mijn.host"
	nameserverTTL    = 60
	soaTTL           = 60
	negativeTTL      = 1 // so that no resolver remembers for long that a challenge is not there yet
	maxCNAMEs        = 8
	udpSize          = 1232
)

// nameservers are the names of the zones' nameservers. (I: mijn.host's own are
// of that form; "NS names may be white-labelled", trap 4, O.)
func nameservers() []string { return []string{"ns1.mijn.host.", "ns2.mijn.host."} }

// nameserverRecords let the nameservers be found: all of them are this server.
func nameserverRecords() []Record {
	var records []Record
	for _, ns := range nameservers() {
		records = append(records, Record{Type: "A", Name: ns, Value: "127.0.0.1", TTL: nameserverTTL})
	}
	return records
}

// AddStaticZone has DNS serve a zone that no account has, such as one from which
// a challenge is delegated by CNAME. Calling it again replaces the records. A
// zone of an account goes before a static one of the same name.
func (s *Server) AddStaticZone(domain string, records ...Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	domain = canonicalDomain(domain)
	s.staticZones[domain] = newList(records, domain)
}

// dnsZone is a zone as DNS serves it at a moment.
type dnsZone struct {
	domain  string // no trailing dot; "" is the root
	serial  uint32
	records list
}

// dnsZoneOf is the zone that a name is in: the longest that covers it of those
// that are hosted here, or else the root, which is empty. It is the zone as it
// was Options.DNSLag ago (trap 4, O).
func (s *Server) dnsZoneOf(name string) dnsZone {
	s.mu.Lock()
	defer s.mu.Unlock()
	for offset, end := 0, false; !end; offset, end = dns.NextLabel(name, offset) {
		domain := strings.TrimSuffix(name[offset:], ".")
		if z := s.zones[domain]; z != nil && !z.elsewhere && s.isInAnAccount(domain) {
			v := z.at(time.Now().Add(-s.opts.DNSLag))
			return dnsZone{domain: domain, serial: v.serial, records: v.records}
		}
		if records, found := s.staticZones[domain]; found {
			return dnsZone{domain: domain, serial: 1, records: records}
		}
	}
	return dnsZone{serial: 1}
}

func (s *Server) isInAnAccount(domain string) bool {
	for _, a := range s.accounts {
		if slices.Contains(a.domains, domain) {
			return true
		}
	}
	return false
}

// hostsBelow tells whether any zone is hosted below a name of the root zone, so
// that the name exists although it has no records: nl. is there, if example.nl.
// is.
func (s *Server) hostsBelow(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = strings.TrimSuffix(name, ".")
	for domain := range s.staticZones {
		if name == "" || within(domain, name) {
			return true
		}
	}
	for _, a := range s.accounts {
		for _, domain := range a.domains {
			if within(domain, name) {
				return true
			}
		}
	}
	return false
}

// Answer is the answer of DNS to a query, of any size, as authority for every
// zone that is hosted here. It also stands in for a resolver (RA is set), as it
// can be the only one that cert-manager and an ACME server have: CNAMEs are
// followed from zone to zone, and of whatever is not hosted here it says in the
// root's name that it does not exist, so that a walk up the tree or a look for
// CAA comes to an end.
func (s *Server) Answer(query *dns.Msg) *dns.Msg {
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
		s.resolve(m, query.Question[0])
	}
	return m
}

// resolve looks a question up and follows CNAMEs. The code of the answer, and
// the SOA of one that has nothing, are those of the last name (RFC 6604).
func (s *Server) resolve(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(dns.Fqdn(q.Name))
	for range maxCNAMEs {
		z := s.dnsZoneOf(name)
		m.Authoritative = true
		set, exists := z.lookup(name)
		if z.domain == "" && !exists {
			exists = s.hostsBelow(name)
		}
		if len(m.Answer) > 0 && z.domain == "" {
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
			s.addGlue(m)
		}
		return
	}
	m.Rcode = dns.RcodeServerFailure // a loop
}

// addGlue adds the addresses of the nameservers in the answer.
func (s *Server) addGlue(m *dns.Msg) {
	for _, rr := range m.Answer {
		ns, ok := rr.(*dns.NS)
		if !ok {
			continue
		}
		host := strings.ToLower(ns.Ns)
		if z := s.dnsZoneOf(host); z.domain != "" {
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
		switch rr.Header().Rrtype {
		case qtype, dns.TypeCNAME:
			out = append(out, rr)
		default:
			if qtype == dns.TypeANY {
				out = append(out, rr)
			}
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
func (z dnsZone) lookup(name string) (set []dns.RR, exists bool) {
	apex := z.domain + "."
	above := ancestors(name, apex)
	if len(above) == 0 {
		set, exists = z.apexSet(), true
	}
	closest := len(above) - 1 // the nearest of the names above that exists: the apex does
	for r := range z.records.all() {
		if r.name == name {
			exists = true
			if !r.ofTheZoneItself(z.domain) {
				set = appendRR(set, r, name)
			}
			continue
		}
		exists = exists || isBelow(r.name, name)
		for i := range max(closest, 0) {
			if r.name == above[i] || isBelow(r.name, above[i]) {
				closest = i
				break
			}
		}
	}
	if exists {
		return unique(set), true
	}
	wildcard := "*." + above[closest] // of the closest encloser (RFC 4592)
	for r := range z.records.all() {
		if r.name == wildcard {
			exists = true
			set = appendRR(set, r, name)
		}
	}
	return unique(set), exists
}

// apexSet is what a zone has at its top without anybody's having written it.
func (z dnsZone) apexSet() []dns.RR {
	set := []dns.RR{z.soa(soaTTL)}
	for _, ns := range nameservers() {
		set = append(set, &dns.NS{Hdr: header(z.domain+".", dns.TypeNS, nameserverTTL), Ns: ns})
	}
	return set
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

// isBelow tells whether a name is below another, both absolute and lower-case.
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

func (z dnsZone) soa(ttl uint32) *dns.SOA {
	mname, rname := nameservers()[0], "hostmaster."+nameserverDomain+"."
	return &dns.SOA{
		Hdr: header(z.domain+".", dns.TypeSOA, ttl),
		Ns:  mname, Mbox: rname, Serial: z.serial,
		Refresh: 3600, Retry: 900, Expire: 1209600, Minttl: negativeTTL,
	}
}
