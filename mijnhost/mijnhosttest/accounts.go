package mijnhosttest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is what one API key can access. Keys "belong to the whole account" (O): two keys of one account are two
// values with the same domains.
type account struct {
	revoked bool
	domains []string // in the order of AddDomain
}

// Change is one record that was added to a zone or removed from it. A changed TTL is a removal and an addition.
type Change struct {
	Time   time.Time
	Domain string
	Record Record // as stored
	Added  bool   // false: it was removed
	ByAPI  bool   // false: a foreign writer made the change
}

// AddAccount adds a key with access to the domains, or adds the domains to an existing key. Keys that share a domain
// share its records. A revoked key becomes valid again.
func (s *Server) AddAccount(key string, domains ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[key]
	if a == nil {
		a = &account{}
		s.accounts[key] = a
	}
	a.revoked = false
	for _, d := range domains {
		s.addDomain(a, d)
	}
}

// AddDomain adds a domain to the account of a key, which must exist. A removed domain comes back with its records.
func (s *Server) AddDomain(key, domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[key]
	if a == nil {
		panic("mijnhosttest: AddDomain: no account has this key")
	}
	s.addDomain(a, domain)
}

func (s *Server) addDomain(a *account, domain string) {
	domain = canonicalDomain(domain)
	if s.zones[domain] == nil {
		s.zones[domain] = newZone(domain, len(s.zones)+1, time.Now())
	}
	if !slices.Contains(a.domains, domain) {
		a.domains = append(a.domains, domain)
	}
}

// RemoveDomain removes a domain from every account, as when it moves to another host: the API answers 400 for it (O),
// and DNS no longer serves it. Records still returns its records.
func (s *Server) RemoveDomain(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	domain = canonicalDomain(domain)
	for _, a := range s.accounts {
		a.domains = slices.DeleteFunc(a.domains, func(d string) bool { return d == domain })
	}
}

// RevokeKey makes a key invalid: 401. Keys can be revoked and can expire (O). AddAccount makes it valid again.
func (s *Server) RevokeKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[key]; a != nil {
		a.revoked = true
	}
}

// SetDNSElsewhere moves the nameservers of a domain elsewhere: its records answer 400 "DNS records not managed by
// mijn.host" (O), and DNS does not serve it. AddStaticZone can simulate the other nameservers.
func (s *Server) SetDNSElsewhere(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustZone(domain).elsewhere = true
}

// SetRecords replaces the records of a domain and its history, so that stale reads and DNS show them too. It validates
// nothing. Names are stored as given: absolute with or without the trailing dot, or relative.
func (s *Server) SetRecords(domain string, records []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.mustZone(domain)
	z.begin(newList(records, z.domain), time.Now())
}

// Records returns the current records of the domain, in order, byte for byte as written, including the zone's own NS
// and SOA. It returns nil for an unknown domain.
func (s *Server) Records(domain string) []Record {
	s.mu.Lock()
	z := s.zones[canonicalDomain(domain)]
	if z == nil {
		s.mu.Unlock()
		return nil
	}
	records := z.now().records
	s.mu.Unlock()

	out := []Record{}
	for r := range records.all() {
		out = append(out, r.Record)
	}
	return out
}

// AddRecord adds a record as a foreign writer. It validates nothing.
func (s *Server) AddRecord(domain string, r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.mustZone(domain)
	s.write(z, z.now().records.with(newStored(r, z.domain)), []Change{{Record: r, Added: true}}, false)
}

// DeleteRecord removes, as a foreign writer, every copy of a record: the same name (in any form), type and value. The
// TTL is ignored. It reports whether there was one.
func (s *Server) DeleteRecord(domain string, r Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.mustZone(domain)
	records, changes := dropped(z.now().records, newStored(r, z.domain).sameRecord, false)
	if len(changes) == 0 {
		return false
	}
	s.write(z, records, changes, false)
	return true
}

// dropped returns the list without the records that match, or without the first match.
func dropped(records list, match func(stored) bool, firstOnly bool) (list, []Change) {
	var changes []Change
	records = records.rewritten(match, func(r stored) (stored, bool) {
		if firstOnly && len(changes) > 0 {
			return r, true
		}
		changes = append(changes, Change{Record: r.Record})
		return stored{}, false
	})
	return records, changes
}

// write replaces the records of the zone. Callers hold the lock.
func (s *Server) write(z *zone, records list, changes []Change, byAPI bool) {
	now := time.Now()
	z.become(records, now, max(s.opts.StaleReads, s.opts.DNSLag))
	if byAPI {
		z.wroteAt = now
	}
	if s.opts.Observe == nil {
		return
	}
	for _, c := range changes {
		c.Time, c.Domain, c.ByAPI = now, z.domain, byAPI
		s.opts.Observe(c)
	}
}

// mustZone returns the zone of a domain that the test must have added. Callers hold the lock.
func (s *Server) mustZone(domain string) *zone {
	z := s.zones[canonicalDomain(domain)]
	if z == nil {
		panic(fmt.Sprintf("mijnhosttest: no account ever had the domain %q", domain))
	}
	return z
}

// canonicalDomain returns the domain in lower case, without trailing dot.
func canonicalDomain(domain string) string {
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}
