package mijnhost

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// staleReads is how long a read may show the zone as it was before a write. Users saw seconds.
	staleReads = 30 * time.Second
	// forgetAfter bounds the memory of values whose clean-up another process did: no
	// ACME server known keeps a challenge open for longer.
	forgetAfter = 7 * 24 * time.Hour
)

// values remembers what this process wrote under challenge names, so that a challenge
// is not paid for with the value of another one.
type values struct {
	mu    sync.Mutex
	names map[string]*name
	swept time.Time
}

// name is one FQDN. It is held by one challenge at a time.
type name struct {
	turn  chan struct{} // holds one token while the name is free
	users int           // challenges that hold or await the name; guarded by values.mu

	live  map[string]liveValue // values presented and not yet cleaned up
	tried map[string]bool      // values that may stand although their PATCH failed

	// The last write under this name: when, of which value, and whether it removed it.
	changed time.Time
	last    string
	removed bool
}

// liveValue is what is known of a value that was presented.
type liveValue struct {
	ttl   int // in seconds
	since time.Time
	lost  bool // PATCH has replaced it, or may have, and it is still to be put back
}

func newValues() *values { return &values{names: map[string]*name{}} }

// hold waits for the turn of the caller to change what stands under fqdn.
func (v *values) hold(ctx context.Context, fqdn string) (n *name, release func(), err error) {
	v.mu.Lock()
	n, ok := v.names[fqdn]
	if !ok {
		n = &name{turn: make(chan struct{}, 1), live: map[string]liveValue{}, tried: map[string]bool{}}
		n.turn <- struct{}{}
		v.names[fqdn] = n
	}
	n.users++
	v.mu.Unlock()

	select {
	case <-n.turn:
		return n, func() { n.turn <- struct{}{}; v.leave(n) }, nil
	case <-ctx.Done():
		v.leave(n)
		return nil, nil, ErrNameInUse
	}
}

// leave ends the use of n, and from time to time drops names of which nothing is left to know.
func (v *values) leave(n *name) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n.users--
	now := time.Now()
	if now.Sub(v.swept) < staleReads {
		return
	}
	v.swept = now
	maps.DeleteFunc(v.names, func(_ string, n *name) bool { return n.users == 0 && n.isForgettable(now) })
}

// isForgettable tells whether nothing is left to know of a name, after it has dropped the values that are too old.
func (n *name) isForgettable(now time.Time) bool {
	maps.DeleteFunc(n.live, func(_ string, v liveValue) bool { return now.Sub(v.since) > forgetAfter })
	age := now.Sub(n.changed)
	return age > forgetAfter || len(n.live)+len(n.tried) == 0 && age > staleReads
}

// put notes that value stands in the zone for a challenge.
func (n *name) put(value string, ttl int) {
	n.changed, n.last, n.removed = time.Now(), value, false
	n.live[value] = liveValue{ttl: ttl, since: n.changed}
	delete(n.tried, value)
}

// take notes that value is gone from the zone.
func (n *name) take(value string) {
	n.changed, n.last, n.removed = time.Now(), value, true
	delete(n.live, value)
	delete(n.tried, value)
}

// disturb notes a write under the name of which it is not known yet what it does.
func (n *name) disturb() { n.changed, n.last, n.removed = time.Now(), "", false }

// settled tells whether reads show all that this process wrote under the name.
func (n *name) settled() bool { return time.Since(n.changed) > staleReads }

// trusts tells whether a read that shows value can be believed: a stale one may
// show what has been removed or replaced since.
func (n *name) trusts(value string) bool {
	return n.settled() || n.last == value && !n.removed
}

// setLost notes whether a live value is still to be put back.
func (n *name) setLost(value string, lost bool) {
	v := n.live[value]
	v.lost = lost
	n.live[value] = v
}

// siblings are the live values of other challenges than that of value.
func (n *name) siblings(value string) []string {
	others := slices.Sorted(maps.Keys(n.live))
	return slices.DeleteFunc(others, func(other string) bool { return other == value })
}

// forgetVanished drops those of the siblings that are not shown: another process has cleaned them up.
func (n *name) forgetVanished(siblings, shown []string) {
	for _, sibling := range siblings {
		if !slices.Contains(shown, sibling) {
			delete(n.live, sibling)
		}
	}
}
