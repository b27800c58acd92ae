package realtimeregister

import (
	"encoding/json"
	"maps"
	"sync"
	"time"
)

// memories holds the memory of each zone, by id.
type memories struct {
	mu    *sync.Mutex
	zones map[int64]*memory
}

func newMemories() memories { return memories{&sync.Mutex{}, map[int64]*memory{}} }

// memory is what this process knows about a zone.
type memory struct {
	mu     sync.Mutex
	used   time.Time
	newest sign // of all reads

	seen        map[string]sighting // records by key
	seenSign    sign                // of the last accepted read
	emptySince  time.Time           // when reads began to show no records
	unexplained map[string]sighting // records of reads that were rejected after an update

	presented map[entry]presented
	barred    error // why no records are added any more

	observed map[happening]observation
}

type sighting struct {
	record       *Record
	at           time.Time
	missingSince time.Time // when reads began to lack it
}

// presented is a value that this process has presented.
type presented struct {
	at  time.Time
	ttl json.RawMessage
}

// observation is when this process first saw a time of another machine's clock.
type observation struct{ at, since time.Time }

// happening is an event with such a time.
type happening int

const (
	lastWrite happening = iota
	lastPending
)

// open returns the memory of a zone, and drops outdated ones.
func (all *memories) open(id int64) *memory {
	all.mu.Lock()
	defer all.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(all.zones, func(_ int64, m *memory) bool { return m.isOver(now) })
	m := all.zones[id]
	if m == nil {
		m = &memory{seen: map[string]sighting{}, unexplained: map[string]sighting{}, presented: map[entry]presented{}, observed: map[happening]observation{}}
		all.zones[id] = m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = now
	return m
}

// isOver reports whether a memory is outdated. It drops records earlier than the rest.
func (m *memory) isOver(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.used) > rememberRecords {
		m.emptySince = time.Time{}
		clear(m.seen)
		clear(m.unexplained)
		clear(m.presented)
	}
	return m.barred == nil && now.Sub(m.used) > rememberSigns
}

// learnListed notes the records of listed zones: a read that lacks one is suspect.
func (all *memories) learnListed(zones []*Zone) {
	for _, z := range zones {
		all.open(z.ID).learnListed(z)
	}
}

func (m *memory) learnListed(z *Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.newest.newerThan(z.sign) {
		return
	}
	see(m.seen, z.Records)
	m.newest = m.newest.newest(z.sign)
}

func see(known map[string]sighting, records []*Record) {
	now := time.Now()
	for _, r := range records {
		known[r.key] = sighting{record: r, at: now}
	}
}

func (m *memory) newestSign() sign {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest
}

// believe makes a read, or a sent list, the reference for later reads.
func (m *memory) believe(z *Zone) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = m.newest.newest(z.sign)
	clear(m.seen)
	see(m.seen, z.Records)
	clear(m.unexplained)
	m.seenSign = z.sign
	switch {
	case len(z.Records) > 0:
		m.emptySince = time.Time{}
	case m.emptySince.IsZero():
		m.emptySince = time.Now()
	}
}

// isEmptyFor reports whether reads have shown no records for d.
func (m *memory) isEmptyFor(d time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.emptySince.IsZero() && time.Since(m.emptySince) >= d
}

// age returns the time since an event. at can be from another machine's clock, so the time since this process first saw
// it counts, too.
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

// lost returns the values that this process presented recently, that no process cleaned up, and that the zone lacks.
func (m *memory) lost(z *Zone, n *notes) map[entry]presented {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(m.presented, func(e entry, p presented) bool {
		return now.Sub(p.at) > rememberRecords || n.cleanedSince(e, p.at.Add(-1))
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
