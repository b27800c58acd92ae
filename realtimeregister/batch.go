package realtimeregister

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

const (
	// roundTime bounds a round.
	roundTime = 20 * time.Second
	// headStart is how much earlier than its callers a round ends: the time that it takes to release the Lease, and more.
	headStart = 4 * time.Second
	// leastTime is what a caller must have left when a round begins. Who has less comes again.
	leastTime = 12 * time.Second
	// leaveEarly is how long before its deadline a caller that waits for a round gives up.
	leaveEarly = time.Second
	// briefly is a wait for the Lease that explains nothing.
	briefly = 2 * time.Second
)

// batch gathers what challenges want of a zone until their round begins. The Provider's lock guards it.
type batch struct {
	key    gatheringKey
	jobs   []*job
	reason error // why its round has not begun
	stop   context.CancelFunc
}

// job is one value that shall be present or absent, and who waits for that.
type job struct {
	request
	arrived time.Time
	waiters []*waiter
}

// waiter is one call of the solver.
type waiter struct {
	deadline time.Time
	late     bool        // it came with too little time left
	answer   chan answer // takes one answer without blocking
}

type answer struct {
	result dnshost.Result
	err    error
}

// join has the next round of the zone do r, and waits for it.
func (p *Provider) join(ctx context.Context, a *account, zone ref, r request) (dnshost.Result, error) {
	w := &waiter{answer: make(chan answer, 1), deadline: time.Now().Add(roundTime + headStart)}
	if deadline, ok := ctx.Deadline(); ok {
		w.deadline = deadline
		w.late = time.Until(deadline) < leastTime
	}
	b := p.enter(ctx, gatheringKey{a, zone}, r, w)
	timer := time.NewTimer(time.Until(w.deadline) - leaveEarly)
	defer timer.Stop()
	select {
	case a := <-w.answer:
		return a.result, a.err
	case <-timer.C:
	case <-ctx.Done():
	}
	return dnshost.Result{Domain: zone.name}, p.leave(b, w)
}

// enter adds a request to the batch of its zone, and begins one if there is none. The last request for a value wins.
func (p *Provider) enter(ctx context.Context, key gatheringKey, r request, w *waiter) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.gathering[key]
	if b == nil {
		b = &batch{key: key, reason: ErrZoneInUse}
		p.gathering[key] = b
		var waiting context.Context
		waiting, b.stop = context.WithCancel(context.WithoutCancel(ctx))
		go p.run(waiting, b) //nolint:contextcheck // it goes on for those who join later
	}
	for i, j := range b.jobs {
		if j.entry != r.entry {
			continue
		}
		if j.present == r.present {
			j.request, j.arrived, j.waiters = r, time.Now(), append(j.waiters, w)
			return b
		}
		j.tell(answer{dnshost.Result{Domain: key.zone.name}, ErrSuperseded})
		b.jobs[i] = &job{r, time.Now(), []*waiter{w}}
		return b
	}
	b.jobs = append(b.jobs, &job{r, time.Now(), []*waiter{w}})
	return b
}

func (j *job) tell(a answer) {
	for _, w := range j.waiters {
		w.answer <- a
	}
	j.waiters = nil
}

// leave takes a caller out of a batch whose round has not begun, and returns why it has not.
func (p *Provider) leave(b *batch, w *waiter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathering[b.key] != b {
		return ErrNoTime // its round does not end
	}
	b.drop(func(other *waiter) bool { return other == w })
	if len(b.jobs) == 0 {
		delete(p.gathering, b.key)
		b.stop()
	}
	return b.reason
}

// drop takes callers out, and jobs that nobody waits for.
func (b *batch) drop(out func(*waiter) bool) {
	var jobs []*job
	for _, j := range b.jobs {
		var stay []*waiter
		for _, w := range j.waiters {
			if !out(w) {
				stay = append(stay, w)
			}
		}
		if j.waiters = stay; len(stay) > 0 {
			jobs = append(jobs, j)
		}
	}
	b.jobs = jobs
}

// run waits for the zone's turn in this process and for its Lease, and then has a round. ctx ends when nobody waits any more.
func (p *Provider) run(ctx context.Context, b *batch) {
	defer b.stop()
	zone := b.key.zone
	release, err := p.turns.Acquire(ctx, fmt.Sprint(zone.id))
	if err != nil {
		return
	}
	defer release()
	begun := time.Now()
	p.setReason(b, ErrLeaseInUse)
	lease, err := p.options.Leases.Acquire(ctx, fmt.Sprintf("realtime-register %s %d", zone.name, zone.id))
	if time.Since(begun) < briefly {
		p.setReason(b, ErrZoneInUse)
	}
	jobs, deadline := p.closeBatch(b)
	if err != nil {
		for _, j := range jobs {
			j.tell(answer{dnshost.Result{Domain: zone.name}, err})
		}
		return
	}
	if len(jobs) == 0 {
		lease.Release(lease.Notes())
		return
	}
	log := p.options.Log.WithValues("zone", zone.name)
	ctx, cancel := context.WithDeadline(logr.NewContext(context.WithoutCancel(ctx), log), deadline)
	defer cancel()
	r := p.newRound(zone, b.key.account, lease, log)
	r.run(ctx, jobs)
	lease.Release(r.finalNotes())
	r.tell(jobs)
}

func (p *Provider) setReason(b *batch, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.reason = reason
}

// closeBatch ends the gathering. Callers with too little time left are told to come again, so that all others hear the end.
func (p *Provider) closeBatch(b *batch) (jobs []*job, deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathering[b.key] == b {
		delete(p.gathering, b.key)
	}
	now := time.Now()
	deadline = now.Add(roundTime)
	b.drop(func(w *waiter) bool {
		if w.deadline.Sub(now) < leastTime {
			reason := b.reason
			if w.late {
				reason = ErrNoTime
			}
			w.answer <- answer{dnshost.Result{Domain: b.key.zone.name}, reason}
			return true
		}
		if end := w.deadline.Add(-headStart); end.Before(deadline) {
			deadline = end
		}
		return false
	})
	return b.jobs, deadline
}
