package mijnhost

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// staleReads is how long a read can be stale after a write. Users have seen seconds.
	staleReads = 30 * time.Second
	// forgetAfter drops values that another process cleaned up. No known ACME server keeps a challenge open for longer.
	forgetAfter = 7 * 24 * time.Hour
)

// memory records the writes of this process, by domain and name, whatever the API key.
type memory struct {
	mu     sync.Mutex
	writes map[string][]write            // of the last staleReads, by domain, in order
	values map[rrsetName]map[string]sent // not yet cleaned up
}

type rrsetName struct{ domain, fqdn string }

// write is a PATCH or DELETE that might have taken effect.
type write struct {
	fqdn, value string
	removed     bool // a DELETE
	certain     bool // the API confirmed it
	at          time.Time
}

// sent is a PATCH that might have taken effect.
type sent struct {
	certain bool
	at      time.Time
}

func newMemory() *memory {
	return &memory{writes: map[string][]write{}, values: map[rrsetName]map[string]sent{}}
}

// notePatch records a PATCH, and whether the API confirmed it.
func (m *memory) notePatch(name rrsetName, value string, certain bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(name, value, false, certain)
	now := time.Now()
	maps.DeleteFunc(m.values, func(_ rrsetName, values map[string]sent) bool {
		maps.DeleteFunc(values, func(_ string, s sent) bool { return now.Sub(s.at) > forgetAfter })
		return len(values) == 0
	})
	if m.values[name] == nil {
		m.values[name] = map[string]sent{}
	}
	m.values[name][value] = sent{certain, now}
}

// noteDelete records a DELETE, and whether the API confirmed it.
func (m *memory) noteDelete(name rrsetName, value string, certain bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note(name, value, true, certain)
}

func (m *memory) note(name rrsetName, value string, removed, certain bool) {
	now := time.Now()
	maps.DeleteFunc(m.writes, func(_ string, writes []write) bool { return now.Sub(writes[len(writes)-1].at) > staleReads })
	recent := slices.DeleteFunc(m.writes[name.domain], func(w write) bool { return now.Sub(w.at) > staleReads })
	m.writes[name.domain] = append(recent, write{name.fqdn, value, removed, certain, now})
}

// forget drops a value that was cleaned up.
func (m *memory) forget(name rrsetName, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values[name], value)
}

// sent returns a value that this process sent and has not cleaned up.
func (m *memory) sent(name rrsetName, value string) (s sent, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok = m.values[name][value]
	return s, ok
}

// others returns the other values under name that this process sent and has not cleaned up.
func (m *memory) others(name rrsetName, value string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	others := slices.Collect(maps.Keys(m.values[name]))
	return slices.DeleteFunc(others, func(other string) bool { return other == value })
}

// settled reports whether a read that started at readStart shows all writes of this process. A write under any name of
// the domain can make a read empty or short. The removal of value itself does not count.
func (m *memory) settled(name rrsetName, value string, readStart time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !slices.ContainsFunc(m.writes[name.domain], func(w write) bool {
		return readStart.Sub(w.at) <= staleReads && (!w.removed || w.fqdn != name.fqdn || w.value != value)
	})
}

// trusts reports whether a read that shows value is reliable: this process wrote it, and has neither removed nor replaced it since.
func (m *memory) trusts(name rrsetName, value string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	trusted := m.values[name][value].certain
	for _, w := range m.recent(name) {
		switch {
		case w.removed && w.value == value, !w.removed && w.value != value:
			trusted = false
		case !w.removed && w.certain:
			trusted = true
		}
	}
	return trusted
}

// removed reports whether the last write of value is a DELETE, and whether the API confirmed it.
func (m *memory) removed(name rrsetName, value string) (removed, certain bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.recent(name) {
		if w.value == value {
			removed, certain = w.removed, w.removed && w.certain
		}
	}
	return removed, certain
}

// recent returns the writes under name that a read might not show yet, in order.
func (m *memory) recent(name rrsetName) []write {
	return slices.DeleteFunc(slices.Clone(m.writes[name.domain]), func(w write) bool {
		return w.fqdn != name.fqdn || time.Since(w.at) > staleReads
	})
}
