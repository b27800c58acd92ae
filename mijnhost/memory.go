package mijnhost

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// staleReads is how long a read may show the zone as it was before a write. Users saw seconds.
	staleReads = 30 * time.Second
	// forgetAfter bounds the memory of values that another process cleaned up: no known ACME server keeps a challenge
	// open for longer.
	forgetAfter = 7 * 24 * time.Hour
)

// memory is what this process wrote under challenge names, so that one challenge does not cost another one its value.
type memory struct {
	mu    sync.Mutex
	names map[string]*history // by FQDN
	swept time.Time
}

// history is what this process wrote under one FQDN. Only the holder of the name's lock uses it.
type history struct {
	users int // challenges that hold or await the name; guarded by memory.mu

	live      map[string]liveValue // presented and not yet cleaned up
	uncertain map[string]bool      // may stand although the PATCH failed

	// The last write under this name: when, of which value, and whether it removed it.
	changed time.Time
	last    string
	removed bool
}

// liveValue is a value that was presented.
type liveValue struct {
	ttl   int // in seconds
	since time.Time
	lost  bool // PATCH has replaced it, or may have, and it is still to be put back
}

// open returns the history of fqdn and keeps it until close.
func (m *memory) open(fqdn string) *history {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.names[fqdn]
	if !ok {
		h = &history{live: map[string]liveValue{}, uncertain: map[string]bool{}}
		m.names[fqdn] = h
	}
	h.users++
	return h
}

// close ends the use of h, and from time to time drops histories that no longer matter.
func (m *memory) close(h *history) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.users--
	now := time.Now()
	if now.Sub(m.swept) < staleReads {
		return
	}
	m.swept = now
	maps.DeleteFunc(m.names, func(_ string, h *history) bool { return h.users == 0 && h.isForgettable(now) })
}

// isForgettable drops the values that are too old, and reports whether nothing is left to know.
func (h *history) isForgettable(now time.Time) bool {
	maps.DeleteFunc(h.live, func(_ string, v liveValue) bool { return now.Sub(v.since) > forgetAfter })
	age := now.Sub(h.changed)
	return age > forgetAfter || len(h.live)+len(h.uncertain) == 0 && age > staleReads
}

// markPresented notes that value stands in the zone.
func (h *history) markPresented(value string, ttl int) {
	h.changed, h.last, h.removed = time.Now(), value, false
	h.live[value] = liveValue{ttl: ttl, since: h.changed}
	delete(h.uncertain, value)
}

// markRemoved notes that value is gone from the zone.
func (h *history) markRemoved(value string) {
	h.changed, h.last, h.removed = time.Now(), value, true
	delete(h.live, value)
	delete(h.uncertain, value)
}

// markUncertain notes a write under the name whose effect is not known.
func (h *history) markUncertain() { h.changed, h.last, h.removed = time.Now(), "", false }

// settled reports whether reads show all that this process wrote under the name.
func (h *history) settled() bool { return time.Since(h.changed) > staleReads }

// trusts reports whether a read that shows value can be believed: a stale one may show what was removed or replaced since.
func (h *history) trusts(value string) bool {
	return h.settled() || h.last == value && !h.removed
}

// setLost notes whether a live value is still to be put back.
func (h *history) setLost(value string, lost bool) {
	v := h.live[value]
	v.lost = lost
	h.live[value] = v
}

// siblings are the live values of other challenges than that of value.
func (h *history) siblings(value string) []string {
	others := slices.Sorted(maps.Keys(h.live))
	return slices.DeleteFunc(others, func(other string) bool { return other == value })
}

// forgetVanished drops those of the siblings that are not shown: another process has cleaned them up.
func (h *history) forgetVanished(siblings, shown []string) {
	for _, sibling := range siblings {
		if !slices.Contains(shown, sibling) {
			delete(h.live, sibling)
		}
	}
}
