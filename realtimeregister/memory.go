package realtimeregister

import (
	"encoding/json"
	"maps"
	"sync"
	"time"
)

// memories are what this process knows of zones, by their ids.
type memories struct {
	mu    *sync.Mutex
	zones map[int64]*memory
}

func newMemories() memories { return memories{&sync.Mutex{}, map[int64]*memory{}} }

// memory is what this process knows of a zone.
type memory struct {
	mu     sync.Mutex
	used   time.Time
	newest sign // of all that was read
	signed time.Time

	seen         map[string]sighting // records, by their keys
	seenSign     sign                // of the read that was believed last
	listed       *Zone               // the entry of a list that was looked at last
	lackingSince time.Time

	presented map[entry]presented
	barred    error // why nothing may be added any more

	observed map[happening]observation
}

type sighting struct {
	record *Record
	at     time.Time
}

// presented is a value that this process has reported as presented.
type presented struct {
	at  time.Time
	ttl json.RawMessage
}

// observation is when a time of another machine's clock was first met with.
type observation struct{ at, since time.Time }

// happening is what the time is of.
type happening int

const (
	lastWrite happening = iota
	lastPending
)

// open returns what is known of a zone, and forgets what is too old to matter.
func (all *memories) open(id int64) *memory {
	all.mu.Lock()
	defer all.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(all.zones, func(_ int64, m *memory) bool { return m.isOver(now) })
	m := all.zones[id]
	if m == nil {
		m = &memory{seen: map[string]sighting{}, presented: map[entry]presented{}, observed: map[happening]observation{}}
		all.zones[id] = m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = now
	return m
}

// isOver reports whether nothing of a memory matters any more. Records go earlier than the rest.
func (m *memory) isOver(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.used) > rememberRecords {
		m.listed, m.lackingSince = nil, time.Time{}
		clear(m.seen)
		clear(m.presented)
	}
	return m.barred == nil && now.Sub(m.used) > rememberSigns
}

// learnListed takes note of zones that a list has shown, before they are read.
func (all *memories) learnListed(zones []*Zone) {
	for _, z := range zones {
		m := all.open(z.ID)
		m.mu.Lock()
		now := time.Now()
		if m.listed != z && !m.known(sign{}, now).newerThan(z.sign) {
			for _, r := range z.Records {
				if _, ok := m.seen[r.key]; !ok {
					m.seen[r.key] = sighting{r, now}
				}
			}
			m.learnSign(z.sign, now)
		}
		m.listed = z
		m.mu.Unlock()
	}
}

// known is the newest sign of this process and of others. The caller holds the lock.
func (m *memory) known(others sign, now time.Time) sign {
	if now.Sub(m.signed) > rememberSigns {
		m.newest = sign{}
	}
	return m.newest.newest(others)
}

func (m *memory) learnSign(s sign, now time.Time) { m.newest, m.signed = m.newest.newest(s), now }

func (m *memory) newestSign() sign {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest
}

// believe takes a read, or a list that was sent, for the truth.
func (m *memory) believe(z *Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.learnSign(z.sign, now)
	m.see(z.Records, now)
	m.seenSign = z.sign
}

func (m *memory) see(records []*Record, now time.Time) {
	m.seen, m.lackingSince = make(map[string]sighting, len(records)), time.Time{}
	for _, r := range records {
		m.seen[r.key] = sighting{r, now}
	}
}

// age is how long ago something happened, by a clock that need not be this machine's.
func (m *memory) age(of happening, at, now time.Time) time.Duration {
	if !m.observed[of].at.Equal(at) {
		m.observed[of] = observation{at, now}
	}
	return max(now.Sub(at), now.Sub(m.observed[of].since))
}

func (m *memory) markPresented(e entry, ttl json.RawMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.presented[e] = presented{time.Now(), ttl}
}

func (m *memory) forgetPresented(e entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.presented, e)
}

// lost are the values that this process presented of late, that no process has cleaned up, and that a zone lacks.
func (m *memory) lost(z *Zone, n notes) map[entry]presented {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(m.presented, func(e entry, p presented) bool {
		return now.Sub(p.at) > rememberRecords || n.cleanedSince(e, p.at)
	})
	if len(m.presented) == 0 {
		return nil
	}
	lost := maps.Clone(m.presented)
	for _, r := range z.Records {
		if r.typ == "TXT" {
			delete(lost, entry{r.name, r.content})
		}
	}
	return lost
}

func (m *memory) bar(reason error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.barred = reason
}

func (m *memory) isBarred() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.barred
}
