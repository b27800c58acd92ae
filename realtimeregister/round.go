package realtimeregister

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// round reads and updates a zone once, while it has the zone's turn and Lease.
type round struct {
	options Options
	client  *Client
	zone    ref
	memory  *memory
	lease   keylock.Lease
	notes   notes
	log     logr.Logger
	start   time.Time
	// doubtful: an unconfirmed update counts as failed but might have taken effect, so one read is not conclusive.
	doubtful bool
	answers  map[*job]error
}

func (p *Provider) newRound(zone ref, a *account, lease keylock.Lease, log logr.Logger) *round {
	return &round{
		options: p.options, client: a.client.counting(), zone: zone, memory: p.memories.open(zone.id), lease: lease,
		notes: parseNotes(lease.Notes()), log: log, start: time.Now(), answers: map[*job]error{},
	}
}

// run answers all jobs.
func (r *round) run(ctx context.Context, jobs []*job) {
	var open []*job
	for _, j := range jobs {
		switch {
		case !j.present:
			r.memory.forgetPresented(j.entry)
		case r.notes.cleanedSince(j.entry, j.arrived):
			r.answers[j] = ErrSuperseded
			continue
		}
		open = append(open, j)
	}
	r.answer(ctx, open, true)
}

// answer reads the zone and sends one update for all jobs. It retries without rejected values. If the API does not name
// them, it tries two halves, once.
func (r *round) answer(ctx context.Context, jobs []*job, mayHalve bool) {
	for len(jobs) > 0 {
		z, err := r.read(ctx)
		if err != nil {
			r.fail(jobs, err)
			return
		}
		if unfit := z.unfit(); unfit != nil {
			r.answerUnfit(z, jobs, unfit)
			return
		}
		p := r.plan(z, jobs)
		if jobs = p.jobs; p.changesNothing() {
			r.succeed(jobs)
			return
		}
		err = r.send(ctx, p)
		refused := refusedBy(err)
		switch {
		case err == nil:
			r.succeed(jobs)
			return
		case refused != nil:
			jobs = r.blame(p, refused)
		case isAboutRecords(err) && mayHalve && len(jobs) > 1:
			half := len(jobs) / 2
			r.answer(ctx, jobs[:half], false)
			r.answer(ctx, jobs[half:], false)
			return
		default:
			r.fail(jobs, err)
			return
		}
	}
}

func (r *round) fail(jobs []*job, err error) {
	for _, j := range jobs {
		r.answers[j] = err
	}
}

func (r *round) succeed(jobs []*job) {
	for _, j := range jobs {
		r.answers[j] = nil
		if j.present {
			r.memory.markPresented(j.entry, j.ttl)
		} else {
			r.notes.markCleaned(j.entry)
		}
	}
}

// answerUnfit answers jobs for a zone that must not be written. Cleaning up an absent value succeeds, but a zone without
// records proves nothing until it has none for goneAfter: a read after a write can omit all of them.
func (r *round) answerUnfit(z *Zone, jobs []*job, unfit error) {
	for _, j := range jobs {
		switch {
		case j.present:
			r.answers[j] = unfit
		case z.has(j.entry):
			r.answers[j] = &dnshost.LeftBehindError{Reason: unfit}
		case len(z.Records) == 0 && !r.memory.isEmptyFor(goneAfter):
			r.answers[j] = unfit
		default:
			r.answers[j] = nil
		}
	}
}

func (z *Zone) has(e entry) bool {
	return slices.ContainsFunc(z.Records, e.matches)
}

// blame fails the jobs whose records were rejected, and returns the others. A rejected foreign record fails all.
func (r *round) blame(p *plan, refused *refusedRecords) []*job {
	blamed, blocker := p.blame(refused)
	if blocker != nil {
		r.fail(p.jobs, blocker)
		return nil
	}
	if len(blamed.jobs) == 0 && len(blamed.restores) == 0 {
		r.fail(p.jobs, errUnnamed)
		return nil
	}
	for _, e := range blamed.restores {
		r.memory.forgetPresented(e)
	}
	var others []*job
	for _, j := range p.jobs {
		if fault, ok := blamed.jobs[j]; ok {
			r.answers[j] = fault
			continue
		}
		others = append(others, j)
	}
	return others
}

// notesNow returns the notes for the next holder of the Lease.
func (r *round) notesNow() string {
	r.notes.Newest = r.notes.Newest.newest(r.memory.newestSign())
	return r.notes.String()
}

// reply logs the round and answers all callers.
func (r *round) reply(jobs []*job) {
	result := dnshost.Result{Domain: r.zone.name, Calls: int(r.client.calls.Load())}
	failed := 0
	for _, j := range jobs {
		result.Shared += len(j.waiters)
		if r.answers[j] != nil {
			failed++
		}
	}
	r.log.Info("Processed challenges", "challenges", result.Shared, "failed", failed,
		"calls", result.Calls, "duration", time.Since(r.start).Round(time.Millisecond))
	for _, j := range jobs {
		j.reply(answer{result, r.answers[j]})
	}
}

// read reads the zone until judge accepts the read. It returns judge's error when time runs out.
func (r *round) read(ctx context.Context) (*Zone, error) {
	for wait := firstWait; ; wait = longer(wait) {
		z, err := r.look(ctx)
		if err != nil {
			return nil, err
		}
		err = r.judge(z)
		if r.doubtful {
			err = r.lookAgain(ctx)
			r.doubtful = err != nil
			if err == nil {
				err = r.judge(z)
			}
		}
		if err == nil {
			r.memory.believe(z)
			return z, nil
		}
		r.log.V(2).Info("Rereading the zone", "reason", err.Error())
		if !pause(ctx, wait) {
			return nil, err
		}
	}
}

// look reads the zone once.
func (r *round) look(ctx context.Context) (*Zone, error) {
	z, err := r.client.Zone(ctx, r.zone.id)
	switch {
	case errors.Is(err, errMissing):
		return nil, errGone
	case err == nil && (z.ID != r.zone.id || z.Name != r.zone.name):
		return nil, ErrOtherZone
	}
	return z, err
}

// lookAgain lists the zone, so that a read which lacks a listed record is suspect.
func (r *round) lookAgain(ctx context.Context) error {
	zones, err := r.client.Zones(ctx, r.zone.name)
	if err != nil {
		return err
	}
	for _, z := range zones {
		if z.ID == r.zone.id {
			r.memory.learnListed(z)
		}
	}
	return nil
}

const (
	firstWait   = 200 * time.Millisecond
	longestWait = 4 * time.Second
	// lastCall is the time that a read needs before the end of its round.
	lastCall = 1500 * time.Millisecond
)

func longer(wait time.Duration) time.Duration { return min(2*wait, longestWait) }

// pause waits for d. It returns false if that would leave too little time for a call.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d+lastCall {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
