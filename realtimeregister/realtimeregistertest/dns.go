package realtimeregistertest

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// AddStaticZone adds a zone that only DNS serves, such as one that delegates a challenge by CNAME. A zone of an account
// takes precedence.
func (s *Server) AddStaticZone(domain string, records ...string) {
	s.lock()
	defer s.mu.Unlock()
	domain = canonicalName(domain)
	s.static[domain] = hosttest.Zone{
		Domain: domain, Serial: 1, Nameservers: usualNameservers(), Records: servedRecords(s.foreign(records)),
	}
}

// Answer returns the DNS answer to a query, of any size, as the authority for every zone of this server. See [hosttest.Answer].
func (s *Server) Answer(query *dns.Msg) *dns.Msg { return hosttest.Answer(served{s}, query) }

// Zones returns the zones of this server, to be served together with those of another host: see [hosttest.Join].
func (s *Server) Zones() hosttest.Zones { return served{s} }

// served is the zones as DNS serves them: as they were Options.DNSLag ago.
type served struct{ server *Server }

// ZoneOf returns the delegated zone of a domain.
func (v served) ZoneOf(domain string) (hosttest.Zone, bool) {
	s := v.server
	if domain == "" {
		return hosttest.Zone{Serial: 1, Nameservers: usualNameservers()}, true
	}
	s.lock()
	defer s.mu.Unlock()
	for _, z := range s.zones {
		if z != nil && z.seed.Name == domain && !z.seed.Undelegated {
			return z.served(z.at(time.Now().Add(-s.opts.DNSLag))), true
		}
	}
	z, found := s.static[domain]
	return z, found
}

// HostsBelow reports whether any zone is below name.
func (v served) HostsBelow(name string) bool {
	s := v.server
	s.lock()
	defer s.mu.Unlock()
	below := func(domain string) bool { return name == "" || strings.HasSuffix(domain, "."+name) }
	for domain := range s.static {
		if below(domain) {
			return true
		}
	}
	for _, z := range s.zones {
		if z != nil && !z.seed.Undelegated && below(z.seed.Name) {
			return true
		}
	}
	return false
}
