package mijnhosttest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is what one API key has access to. Keys "belong to the whole account"
// (trap 9, O): two keys of one account are two accounts with the same domains.
type account struct {
	revoked bool
	domains []string // in the order in which they were added
}

// Change is one record that appeared in a zone or vanished from it. A record
// whose TTL changed vanishes and appears.
type Change struct {
	Time     time.Time
	Domain   string
	Record   Record // as it is stored
	Appeared bool   // or else it vanished
	ByAPI    bool   // or else a foreign writer did it
}

// AddAccount makes a key that has access to the domains, or adds the domains to
// what it has access to. A domain that has been given to another key already is
// the same domain with the same records. A key that was revoked is valid again.
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

// AddDomain adds a domain to the account of a key, which must exist. A domain
// that was removed comes back with the records that it had.
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

// RemoveDomain takes a domain out of every account, as when it has moved to
// another host: the API answers 400 for it (O), and DNS serves it no more. Its
// records can still be seen with Records.
func (s *Server) RemoveDomain(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	domain = canonicalDomain(domain)
	for _, a := range s.accounts {
		a.domains = slices.DeleteFunc(a.domains, func(d string) bool { return d == domain })
	}
}

// RevokeKey makes a key one that is not valid any more: 401. Keys can be taken
// away, and can expire (trap 9, O). AddAccount makes it valid again.
func (s *Server) RevokeKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[key]; a != nil {
		a.revoked = true
	}
}

// SetDNSElsewhere makes a domain one whose nameservers are elsewhere: its
// records answer 400 "DNS records not managed by mijn.host" (O), and DNS serves
// nothing of it. (AddStaticZone can play the nameservers elsewhere.)
func (s *Server) SetDNSElsewhere(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustZone(domain).elsewhere = true
}

// SetRecords makes the records what the domain has always been, also for stale
// reads and for DNS. Nothing about them is checked. Names are stored as they
// are written: absolute with or without the trailing dot, or relative.
func (s *Server) SetRecords(domain string, records []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.mustZone(domain)
	z.begin(newList(records, z.domain), time.Now())
}

// Records are the true records of the domain now, in order, byte for byte as
// they were written, the zone's own NS and SOA included. They are nil for a
// domain that never was.
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

// AddRecord is a foreign writer that adds a record. Nothing about it is checked.
func (s *Server) AddRecord(domain string, r Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.mustZone(domain)
	s.write(z, z.now().records.with(newStored(r, z.domain)), []Change{{Record: r, Appeared: true}}, false)
}

// DeleteRecord is a foreign writer that removes every copy of a record: one of
// the same name (however it is written), type and value. The TTL does not count.
// It reports whether there was one.
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

// dropped is the list without the records that match, or without the first of
// them.
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

// write makes the records what the zone is from now on. The lock is held.
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

// mustZone is the zone of a domain that a test speaks of. The lock is held.
func (s *Server) mustZone(domain string) *zone {
	z := s.zones[canonicalDomain(domain)]
	if z == nil {
		panic(fmt.Sprintf("mijnhosttest: no account ever had the domain %q", domain))
	}
	return z
}

// canonicalDomain is a domain as the server has it: lower-case, no trailing dot.
func canonicalDomain(domain string) string {
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}
