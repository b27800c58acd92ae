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
		if lacks(z, &r.notes, m.seen, staleReads) || lacks(z, &r.notes, m.unexplained, staleReads) {
			return ErrStale
		}
		return nil
	case w != nil && m.age(lastWrite, w.At, now) < staleReads && !z.sign.newerThan(w.Sign):
		// Another client may have added records within the second of our update, so that no sign tells.
		see(m.unexplained, z.Records)
		return ErrStale
	}
	return m.judgeLacking(z, &r.notes, now)
}

// lacks reports whether the read lacks a record that was seen within a time and that no process cleaned up.
func lacks(z *Zone, n *notes, seen map[string]sighting, within time.Duration) bool {
	shown, now := keysOf(z.Records), time.Now()
	for key, s := range seen {
		if !shown[key] && now.Sub(s.at) <= within &&
			(s.record.typ != "TXT" || !n.cleanedSince(entry{s.record.name, s.record.content}, time.Time{})) {
			return true
		}
	}
	return false
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

// judgeLacking returns an error if the read lacks a seen record that no process cleaned up, until reads of a changed
// zone have lacked it for goneAfter.
func (m *memory) judgeLacking(z *Zone, n *notes, now time.Time) error {
	switch {
	case !lacks(z, n, m.seen, rememberRecords):
		return nil
	case m.lackingSince.IsZero():
		m.lackingSince = now
	case z.sign.newerThan(m.seenSign) && now.Sub(m.lackingSince) >= goneAfter:
		return nil
	}
	see(m.seen, z.Records) // the next read may lack what this one shows
	return ErrStale
}
