package realtimeregister

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

const (
	// postTime limits an update, which has one attempt.
	postTime = 10 * time.Second
	// leaseMargin is the minimum time left of the Lease after the update.
	leaseMargin = 5 * time.Second
	// leastPostTime is the minimum time for an update; readBackTime is reserved for reading it back.
	leastPostTime = 2 * time.Second
	readBackTime  = 2 * time.Second
	// lossLooks is how often the zone is read again before missing records are reported.
	lossLooks = 3
	lossPause = 1500 * time.Millisecond
)

// send notes the update in the Lease as pending, sends it once, and reads it back.
func (r *round) send(ctx context.Context, p *plan) error {
	body := p.compose()
	if err := p.prove(body); err != nil {
		r.log.Error(err, "Update failed verification and was not sent")
		return err
	}
	if timeLeft(ctx) < leastPostTime+readBackTime {
		return ErrNoTime
	}
	before, list := r.notes, p.list()
	r.notes.Pending = p.pending(hashOf(list))
	for _, j := range p.jobs {
		if !j.present {
			r.notes.markCleaned(j.entry)
		}
	}
	if err := r.lease.Renew(ctx, r.notesNow()); err != nil {
		r.notes = before
		return ErrLeaseLost
	}
	limit := min(postTime, r.lease.Left()-leaseMargin, timeLeft(ctx)-readBackTime)
	if limit < leastPostTime {
		r.notes = before
		return ErrLeaseLost
	}
	sent, err := r.post(ctx, limit, body)
	if err != nil && (!sent || !isUncertain(err)) {
		r.notes = before
		return err
	}
	if err != nil {
		r.notes.Pending.Cause = err.Error()
	}
	return r.readBack(ctx, p, list, err == nil)
}

func (r *round) post(ctx context.Context, limit time.Duration, body []byte) (sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.client.Update(ctx, r.zone.id, body)
}

// pending returns the note for an update.
func (p *plan) pending(hash string) *pending {
	note := &pending{At: time.Now(), Hash: hash}
	for _, a := range p.added[:min(len(p.added), maxAdds)] {
		note.Adds = append(note.Adds, a.entry.fingerprint())
	}
	return note
}

// isUncertain reports whether a failed update might have taken effect, or still might.
func isUncertain(err error) bool {
	var e *apiclient.Error
	return apiclient.MayHaveTakenEffect(err) ||
		errors.As(err, &e) && (e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout)
}

// isAboutRecords reports whether the API may have rejected one record without naming it.
func isAboutRecords(err error) bool {
	var e *apiclient.Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest && !e.Unexpected &&
		!errors.Is(err, errMissing) && !errors.Is(err, errTransient)
}

func timeLeft(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return time.Hour
}

// readBack reads the zone until it shows the update. answered: the API answered 200.
func (r *round) readBack(ctx context.Context, p *plan, list []*Record, answered bool) error {
	note := r.notes.Pending
	looks := 0
	for wait := firstWait; ; wait = longer(wait) {
		z, err := r.look(ctx)
		if err == nil && r.isEffective(z, p, note, answered) {
			lost := lostFrom(p.kept, z)
			looks++
			if len(lost) > 0 && looks <= lossLooks && pause(ctx, lossPause) {
				continue
			}
			r.conclude(z, p, list, lost)
			return nil
		}
		if err != nil && note.Cause == "" {
			note.Cause = err.Error()
		}
		if !pause(ctx, wait) {
			return note.failure()
		}
	}
}

// isEffective reports whether a read confirms the update. If the update only removes values and the API did not answer
// 200, another client might have removed them.
func (r *round) isEffective(z *Zone, p *plan, note *pending, answered bool) bool {
	if r.memory.isOlder(z) {
		return false
	}
	if z.hash == note.Hash {
		return true
	}
	if len(p.added) == 0 && !answered {
		return false
	}
	for _, a := range p.added {
		if !z.has(a.entry) {
			return false
		}
	}
	for _, one := range p.removed {
		if z.has(entry{one.name, one.content}) {
			return false
		}
	}
	return true
}

func (m *memory) isOlder(z *Zone) bool {
	return m.newestSign().newerThan(z.sign)
}

// lostFrom returns the sent records of which a read shows no copy.
func lostFrom(kept []*Record, z *Zone) []*Record {
	shown := keysOf(z.Records)
	var lost []*Record
	for _, one := range kept {
		if !shown[one.key] {
			lost = append(lost, one)
		}
	}
	return lost
}

// conclude notes that an update is confirmed, and reports other changes. Lost records stay known, because the read
// might be incomplete.
func (r *round) conclude(z *Zone, p *plan, list, lost []*Record) {
	hash := z.hash
	if len(lost) > 0 {
		hash = r.notes.Pending.Hash
		r.reportLost(slices.DeleteFunc(lost, (*Record).isChallenge))
		r.memory.believe(&Zone{Records: list, sign: z.sign})
	} else {
		r.memory.believe(z)
	}
	r.notes.Wrote, r.notes.Pending = &wrote{At: r.notes.Pending.At, Sign: z.sign, Hash: hash}, nil
	if changed := changedSettings(p.base, z); changed != "" {
		barred := &changedSettingsError{r.zone.name, changed}
		r.memory.bar(barred)
		r.log.Error(barred, "Update changed more than the records of the zone", "before", p.base.guarded, "after", z.guarded)
	}
}

// reportLost logs and counts lost records.
func (r *round) reportLost(lost []*Record) {
	if len(lost) == 0 {
		return
	}
	names, raws := make([]string, len(lost)), make([]string, len(lost))
	for i, one := range lost {
		names[i], raws[i] = one.String(), string(one.raw)
	}
	r.log.Error(errors.New("records that belong to no challenge are missing after an update of the zone"),
		"Restore these records unless someone removed them on purpose", "records", names, "lost", "["+strings.Join(raws, ",")+"]")
	if r.options.Observer != nil {
		r.options.Observer.ForeignLost(len(lost))
	}
}

func changedSettings(before, after *Zone) string {
	if maps.Equal(before.guarded, after.guarded) {
		return ""
	}
	var changed []string
	for _, f := range guardedFields() {
		if before.guarded[f] != after.guarded[f] {
			changed = append(changed, f)
		}
	}
	return strings.Join(changed, ", ")
}
