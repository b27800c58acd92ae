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

// nameservers returns the names of the zones' nameservers. (I: mijn.host's own have that form; "NS names may be
// white-labelled", O)
func nameservers() []string { return []string{"ns1.mijn.host.", "ns2.mijn.host."} }

// nameserverRecords returns the nameservers' addresses: all are this server.
func nameserverRecords() []Record {
	var records []Record
	for _, ns := range nameservers() {
		records = append(records, Record{Type: "A", Name: ns, Value: "127.0.0.1", TTL: nameserverTTL})
	}
	return records
}

// AddStaticZone adds a zone that only DNS serves, such as one that delegates a challenge by CNAME. Calling it again
// replaces the records. A zone of an account takes precedence over a static zone.
func (s *Server) AddStaticZone(domain string, records ...Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	domain = canonicalDomain(domain)
	s.staticZones[domain] = newList(records, domain)
}

// Answer returns the DNS answer to a query, of any size, as the authority for every zone of this server. See [hosttest.Answer].
func (s *Server) Answer(query *dns.Msg) *dns.Msg { return hosttest.Answer(served{s}, query) }

// Zones returns the zones of this server, to be served together with those of another host: see [hosttest.Join].
func (s *Server) Zones() hosttest.Zones { return served{s} }

// served is the zones as DNS serves them: as they were Options.DNSLag ago. (O)
type served struct{ server *Server }

// ZoneOf returns the zone of a domain of this server.
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

// rr returns the record as DNS represents it. It returns nil for a record that DNS cannot represent (an invalid value,
// a type that only the API has), and for the zone's own NS and SOA, which hosttest generates.
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

// HostsBelow reports whether any zone is hosted below a name of the root zone. Such a name exists without records: nl.
// exists if example.nl. does.
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
