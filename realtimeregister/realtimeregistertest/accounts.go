package realtimeregistertest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// credential is one way to authenticate to an account. It has no scope per zone. (I)
type credential struct {
	account  string
	revoked  bool
	readOnly bool
	refused  bool // bound to another address
}

// APIKey returns the Authorization header for a key. (D)
func APIKey(key string) string { return "ApiKey " + key }

// Basic returns the Authorization header for a login. (D; O: deprecated)
func Basic(handle, login, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(handle+"/"+login+":"+password))
}

// AddAccount adds an account, or adds keys to an existing one. A revoked key becomes valid again, with all permissions.
func (s *Server) AddAccount(handle string, keys ...string) {
	s.lock()
	defer s.mu.Unlock()
	s.accounts[handle] = true
	for _, key := range keys {
		s.credentials[APIKey(key)] = &credential{account: handle}
	}
}

// AddLogin adds a login for Basic authentication to an account.
func (s *Server) AddLogin(handle, login, password string) {
	s.lock()
	defer s.mu.Unlock()
	s.accounts[handle] = true
	s.credentials[Basic(handle, login, password)] = &credential{account: handle}
}

// RevokeKey makes a key invalid: 401. (D)
func (s *Server) RevokeKey(key string) { s.changeKey(key, func(c *credential) { c.revoked = true }) }

// SetReadOnly removes UPDATE_DNS_ZONE from a key: 403. (O)
func (s *Server) SetReadOnly(key string) { s.changeKey(key, func(c *credential) { c.readOnly = true }) }

// RefuseAddress binds a key to an IP address that no client has. (O; Options.RefusedAddress decides the response)
func (s *Server) RefuseAddress(key string) {
	s.changeKey(key, func(c *credential) { c.refused = true })
}

func (s *Server) changeKey(key string, change func(*credential)) {
	s.lock()
	defer s.mu.Unlock()
	c := s.credentials[APIKey(key)]
	if c == nil {
		panic("realtimeregistertest: no account has this key")
	}
	change(c)
}

// AddZone adds a zone to an account and returns its id. It does not validate records, so the zone can contain one that
// an update would refuse. Two zones of one name, BASIC and PREMIUM, can exist (D): DNS serves the first that is not Undelegated.
func (s *Server) AddZone(handle string, z Zone) int {
	s.lock()
	defer s.mu.Unlock()
	if !s.accounts[handle] {
		panic(fmt.Sprintf("realtimeregistertest: no account %q", handle))
	}
	if z.Service == "" {
		z.Service = "BASIC"
	}
	now := time.Now()
	s.events++
	out := &zone{
		seed: z, id: firstID + len(s.zones), account: handle, created: stamp(now),
		versions: []version{{from: now, serial: 2026010101, settings: z.settings(), records: s.foreign(z.Records)}},
		template: s.foreign(z.TemplateRecords),
		removed:  map[string]int{}, resetAt: map[string]int{}, newestBy: map[string]sign{},
	}
	s.zones = append(s.zones, out)
	return out.id
}

func (s *Server) foreign(records []string) []*stored {
	var out []*stored
	for _, r := range records {
		if _, ok := object([]byte(r)); !ok {
			panic(fmt.Sprintf("realtimeregistertest: not a JSON object: %s", r))
		}
		out = append(out, newStored(json.RawMessage(r), true, s.events))
	}
	return out
}

// RemoveZone removes a zone.
func (s *Server) RemoveZone(id int) {
	s.lock()
	defer s.mu.Unlock()
	s.mustZone(id)
	s.zones[id-firstID] = nil
}

func (s *Server) zone(id int) *zone {
	if i := id - firstID; i >= 0 && i < len(s.zones) {
		return s.zones[i]
	}
	return nil
}

func (s *Server) mustZone(id int) *zone {
	z := s.zone(id)
	if z == nil {
		panic(fmt.Sprintf("realtimeregistertest: no zone %d", id))
	}
	return z
}

// Records returns the current records of a zone, byte for byte as written. It returns nil for an unknown zone.
func (s *Server) Records(id int) []string {
	s.lock()
	defer s.mu.Unlock()
	z := s.zone(id)
	if z == nil {
		return nil
	}
	out := []string{}
	for _, r := range z.now().records {
		out = append(out, string(r.raw))
	}
	return out
}

// TXTValues returns the current TXT values of a name, in any order.
func (s *Server) TXTValues(id int, name string) []string {
	s.lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.mustZone(id).now().records {
		if r.typ == "TXT" && r.name == strings.ToLower(strings.TrimSuffix(name, ".")) {
			out = append(out, r.content)
		}
	}
	slices.Sort(out)
	return out
}

// Setting returns the JSON of a field of a zone that an update can change, or "".
func (s *Server) Setting(id int, field string) string {
	s.lock()
	defer s.mu.Unlock()
	return string(s.mustZone(id).now().settings[field])
}
