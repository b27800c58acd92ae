package realtimeregister

import (
	"fmt"
	"time"
)

const (
	// staleReads is how long after an update a read is suspected to be older than it, if nothing proves the contrary.
	staleReads = 30 * time.Second
	// uncertainFor is how long an update whose fate is unknown keeps everybody from writing.
	uncertainFor = time.Minute
	// goneAfter is how long a record must be missing from reads until it is believed to be gone, in a zone that shows that it
	// has changed.
	goneAfter = 30 * time.Second
	// rememberRecords is how long a record that was seen is missed.
	rememberRecords = 10 * time.Minute
	// rememberSigns is how long a sign of change is held against older ones.
	rememberSigns = time.Hour
)

// judge returns nil if a read can be believed, and else why it cannot. An update that was pending and is seen is noted.
func (r *round) judge(z *Zone) error {
	m := r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.known(r.notes.Newest, now).newerThan(z.sign) {
		return ErrStale
	}
	m.learnSign(z.sign, now)
	if err := r.judgePending(z, now); err != nil {
		return err
	}
	w := r.notes.Wrote
	if w != nil && z.hash == w.Hash {
		return nil
	}
	if w != nil && m.age(lastWrite, w.At, now) < staleReads && !z.sign.newerThan(w.Sign) {
		return ErrStale
	}
	return m.judgeLacking(z, &r.notes, now)
}

// judgePending looks for an update whose fate is unknown. Once it had time enough it counts as failed.
func (r *round) judgePending(z *Zone, now time.Time) error {
	p := r.notes.Pending
	switch {
	case p == nil:
	case p.isSeenIn(z):
		r.notes.Pending, r.notes.Wrote = nil, &wrote{At: p.At, Sign: z.sign, Hash: p.Hash}
	case r.memory.age(lastPending, p.At, now) < uncertainFor:
		return p.failure()
	default:
		r.notes.Pending, r.doubtful = nil, true
	}
	return nil
}

// failure is the error of all who cannot write while an update is pending.
func (p *pending) failure() error {
	if p.Cause == "" {
		return ErrUncertain
	}
	return fmt.Errorf("%w (%s)", ErrUncertain, p.Cause)
}

// judgeLacking misses records that were seen, that no process has cleaned up, and that are not shown. They are gone if the
// zone shows for a while that it has changed. A zone that shows no change lacks none.
func (m *memory) judgeLacking(z *Zone, n *notes, now time.Time) error {
	newer := z.sign.newerThan(m.seenSign)
	shown, lacking := count(z.Records), false
	for key, s := range m.seen {
		switch {
		case shown[key] > 0, now.Sub(s.at) > rememberRecords:
		case s.record.typ == "TXT" && n.cleanedSince(entry{s.record.name, s.record.content}, time.Time{}):
		default:
			lacking = true
		}
	}
	switch {
	case !lacking:
		m.lackingSince = time.Time{}
		return nil
	case m.lackingSince.IsZero():
		m.lackingSince = now
	case newer && now.Sub(m.lackingSince) >= goneAfter:
		return nil
	}
	for _, one := range z.Records { // the next read may lack what this one shows
		m.seen[one.key] = sighting{one, now}
	}
	return ErrStale
}
