package mijnhosttest

import (
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

const (
	nameserverDomain = "mijn.host"
	nameserverTTL    = 60
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

// Answer is the answer of DNS to a query, of any size, as authority for every
// zone that is hosted here. See [hosttest.Answer].
func (s *Server) Answer(query *dns.Msg) *dns.Msg { return hosttest.Answer(served{s}, query) }

// Zones are the zones here, to be served together with those of another host:
// see [hosttest.Join].
func (s *Server) Zones() hosttest.Zones { return served{s} }

// served is the zones as DNS has them: as they were Options.DNSLag ago (trap 4,
// O).
type served struct{ server *Server }

// ZoneOf is the zone of a domain that is hosted here.
func (v served) ZoneOf(domain string) (hosttest.Zone, bool) {
	if domain == "" {
		return hosttest.Zone{Serial: 1, Nameservers: nameservers()}, true
	}
	s := v.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if z := s.zones[domain]; z != nil && !z.elsewhere && s.isInAnAccount(domain) {
		at := z.at(time.Now().Add(-s.opts.DNSLag))
		return dnsZone(domain, at.serial, at.records), true
	}
	if records, found := s.staticZones[domain]; found {
		return dnsZone(domain, 1, records), true
	}
	return hosttest.Zone{}, false
}

func dnsZone(domain string, serial uint32, records list) hosttest.Zone {
	return hosttest.Zone{
		Domain: domain, Serial: serial, Nameservers: nameservers(),
		Records: func(yield func(string, func() dns.RR) bool) {
			for r := range records.all() {
				if !yield(r.name, func() dns.RR { return r.rr(domain) }) {
					return
				}
			}
		},
	}
}

// rr is the record as DNS has it. One that DNS can not have (a value that makes
// no sense, a type that is the API's own) is nil, as a nameserver would leave it
// out; so are the zone's own NS and SOA, which DNS makes.
func (r stored) rr(domain string) dns.RR {
	switch {
	case r.ofTheZoneItself(domain):
		return nil
	case r.typ == "TXT" && r.Value == bare(r.Value):
		return hosttest.NewTXT(r.name, r.Value, r.TTL)
	default:
		return hosttest.NewRR(r.name, r.typ, r.Value, r.TTL)
	}
}

func (s *Server) isInAnAccount(domain string) bool {
	for _, a := range s.accounts {
		if slices.Contains(a.domains, domain) {
			return true
		}
	}
	return false
}

// HostsBelow reports whether any zone is hosted below a name of the root zone, so
// that the name exists although it has no records: nl. is there, if example.nl.
// is.
func (v served) HostsBelow(name string) bool {
	s := v.server
	s.mu.Lock()
	defer s.mu.Unlock()
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
