package realtimeregister

import (
	"fmt"
	"time"
)

const (
	// staleReads is how long after an update a read can be older than it, unless it is proven newer.
	staleReads = 30 * time.Second
	// uncertainFor is how long an unconfirmed update blocks writes by any process.
	uncertainFor = time.Minute
	// goneAfter is how long reads of a changed zone must lack a record before it counts as removed.
	goneAfter = 30 * time.Second
	// rememberRecords is how long a read that lacks a seen record is suspect.
	rememberRecords = 10 * time.Minute
	// rememberSigns is how long the signs of an unused zone are kept, by this process and by its Lease.
	rememberSigns = time.Hour
)

// judge returns an error if a read might be stale or incomplete. It confirms a pending update that the read shows.
func (r *round) judge(z *Zone) error {
	m := r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.newest.newest(r.notes.Newest).newerThan(z.sign) {
		return ErrStale
	}
	m.newest = m.newest.newest(z.sign)
	if err := r.judgePending(z, now); err != nil {
		return err
	}
	w := r.notes.Wrote
	switch {
	case w != nil && z.hash == w.Hash:
		if len(missing(z, &r.notes, m.seen, staleReads)) > 0 || len(missing(z, &r.notes, m.unexplained, staleReads)) > 0 {
			return ErrStale
		}
		return nil
	case w != nil && m.age(lastWrite, w.At, now) < staleReads && !z.sign.newerThan(w.Sign):
		// Another client may have added records within the second of our update, so that no sign tells.
		see(m.unexplained, z.Records)
		return ErrStale
	}
	return m.judgeMissing(z, &r.notes, now)
}

// missing returns the keys of records that the read lacks although they were seen within a time and no process cleaned them up.
func missing(z *Zone, n *notes, seen map[string]sighting, within time.Duration) (keys []string) {
	shown, now := keysOf(z.Records), time.Now()
	for key, s := range seen {
		if !shown[key] && now.Sub(s.at) <= within &&
			(s.record.typ != "TXT" || !n.cleanedSince(entry{s.record.name, s.record.content}, time.Time{})) {
			keys = append(keys, key)
		}
	}
	return keys
}

// judgePending looks for an unconfirmed update, which counts as failed after uncertainFor.
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

// failure returns the error of calls that cannot write while the update is pending.
func (p *pending) failure() error {
	if p.Cause == "" {
		return ErrUncertain
	}
	return fmt.Errorf("%w (%s)", ErrUncertain, p.Cause)
}

// judgeMissing returns an error if the read lacks a seen record that no process cleaned up, until reads of a changed zone
// have lacked that record for goneAfter.
func (m *memory) judgeMissing(z *Zone, n *notes, now time.Time) error {
	keys, gone := missing(z, n, m.seen, rememberRecords), z.sign.newerThan(m.seenSign)
	for _, key := range keys {
		s := m.seen[key]
		if s.missingSince.IsZero() {
			s.missingSince = now
			m.seen[key] = s
		}
		gone = gone && now.Sub(s.missingSince) >= goneAfter
	}
	if len(keys) == 0 || gone {
		return nil
	}
	see(m.seen, z.Records) // the next read might lack what this one shows
	return ErrStale
}
