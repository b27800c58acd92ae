package realtimeregistertest

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// AddStaticZone has DNS serve a zone that no account has, such as one from which
// a challenge is delegated by CNAME. A zone of an account goes before it.
func (s *Server) AddStaticZone(domain string, records ...string) {
	s.lock()
	defer s.mu.Unlock()
	domain = canonicalName(domain)
	z := hosttest.Zone{Domain: domain, Serial: 1, Nameservers: usualNameservers()}
	for _, r := range s.foreign(records) {
		if r.rr != nil {
			z.Records = append(z.Records, r.rr)
		}
	}
	s.static[domain] = z
}

// Answer is the answer of DNS to a query, of any size, as authority for every
// zone here. See [hosttest.Answer].
func (s *Server) Answer(query *dns.Msg) *dns.Msg { return hosttest.Answer(served{s}, query) }

// served is the zones as DNS has them: as they were Options.DNSLag ago.
type served struct{ server *Server }

// ZoneOf is the delegated zone of a domain.
func (v served) ZoneOf(domain string) (hosttest.Zone, bool) {
	s := v.server
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

// HostsBelow tells whether any zone is below the name.
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
