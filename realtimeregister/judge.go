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
	// rememberSigns is how long reads with older signs are rejected.
	rememberSigns = time.Hour
)

// judge returns an error if a read might be stale or incomplete. It confirms a pending update that the read shows.
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
	switch {
	case w != nil && z.hash == w.Hash:
		return m.judgeUnexplained(z, now)
	case w != nil && m.age(lastWrite, w.At, now) < staleReads && !z.sign.newerThan(w.Sign):
		m.learnUnexplained(z, &r.notes, now)
		return ErrStale
	}
	return m.judgeLacking(z, &r.notes, now)
}

// learnUnexplained notes records of a rejected read that are not in the last accepted state. Either the read is stale,
// or another client added them within the second of our update, which no sign reveals.
func (m *memory) learnUnexplained(z *Zone, n *notes, now time.Time) {
	for _, one := range z.Records {
		if _, known := m.seen[one.key]; !known && !n.cleanedSince(entry{one.name, one.content}, time.Time{}) {
			m.unexplained[one.key] = now
		}
	}
}

// judgeUnexplained returns an error if the read equals the last update, but lacks a record that a rejected read showed
// in the last 30 s.
func (m *memory) judgeUnexplained(z *Zone, now time.Time) error {
	shown := count(z.Records)
	for key, at := range m.unexplained {
		if shown[key] == 0 && now.Sub(at) < staleReads {
			return ErrStale
		}
	}
	return nil
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
	for _, one := range z.Records { // the next read might lack what this one shows
		m.seen[one.key] = sighting{one, now}
	}
	return ErrStale
}
