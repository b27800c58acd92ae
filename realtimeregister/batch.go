package realtimeregister

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

const (
	// roundTime limits a round.
	roundTime = 20 * time.Second
	// headStart is how long before its callers' deadlines a round ends, to leave time to release the Lease.
	headStart = 4 * time.Second
	// leastTime is the minimum time left for a caller when a round starts. With less, cert-manager must retry.
	leastTime = 12 * time.Second
	// leaveEarly is how long before its deadline a caller stops waiting for a round.
	leaveEarly = time.Second
	// gatherTime lets concurrent calls share a round, which takes ten times as long.
	gatherTime = 20 * time.Millisecond
	// briefly is a wait for the Lease that is too short to cause a failure.
	briefly = 2 * time.Second
)

// batch collects the requests for a zone until their round starts. The Provider's lock guards it.
type batch struct {
	key    gatheringKey
	jobs   []*job
	reason error // why its round has not started
	stop   context.CancelFunc
}

// job is one value to add or remove, and its callers.
type job struct {
	request
	arrived time.Time
	waiters []*waiter
}

// waiter is one call of the solver.
type waiter struct {
	deadline time.Time
	late     bool        // called with less than leastTime left
	answer   chan answer // buffer of one
}

type answer struct {
	result dnshost.Result
	err    error
}

// join adds r to the zone's next round and waits for the result.
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

// enter adds a request to the batch of its zone, and creates the batch if necessary. The last request for a value wins.
func (p *Provider) enter(ctx context.Context, key gatheringKey, r request, w *waiter) *batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.gathering[key]
	if b == nil {
		b = &batch{key: key, reason: ErrZoneInUse}
		p.gathering[key] = b
		var waiting context.Context
		waiting, b.stop = context.WithCancel(context.WithoutCancel(ctx))
		go p.run(waiting, b)
	}
	for i, j := range b.jobs {
		if j.entry != r.entry {
			continue
		}
		if j.present == r.present {
			j.request, j.arrived, j.waiters = r, time.Now(), append(j.waiters, w)
			return b
		}
		j.reply(answer{dnshost.Result{Domain: key.zone.name}, ErrSuperseded})
		b.jobs[i] = &job{r, time.Now(), []*waiter{w}}
		return b
	}
	b.jobs = append(b.jobs, &job{r, time.Now(), []*waiter{w}})
	return b
}

func (j *job) reply(a answer) {
	for _, w := range j.waiters {
		w.answer <- a
	}
	j.waiters = nil
}

// leave removes a caller from a batch that has not started its round, and returns the reason for the delay.
func (p *Provider) leave(b *batch, w *waiter) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathering[b.key] != b {
		return ErrNoTime // its round is still running
	}
	b.drop(func(other *waiter) bool { return other == w })
	if len(b.jobs) == 0 {
		delete(p.gathering, b.key)
		b.stop()
	}
	return b.reason
}

// drop removes callers, and jobs without callers.
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

// run waits for the zone's turn in this process and for its Lease, then runs a round. ctx ends if no caller waits that long.
func (p *Provider) run(ctx context.Context, b *batch) {
	defer b.stop()
	zone := b.key.zone
	release, err := p.turns.Acquire(ctx, fmt.Sprint(zone.id))
	if err != nil {
		return
	}
	defer release()
	pause(ctx, gatherTime)
	start := time.Now()
	p.setReason(b, ErrLeaseInUse)
	lease, err := p.options.Leases.Acquire(ctx, fmt.Sprintf("realtime-register %s %d", zone.name, zone.id))
	if time.Since(start) < briefly {
		p.setReason(b, ErrZoneInUse)
	}
	jobs, deadline := p.closeBatch(b)
	if err != nil {
		for _, j := range jobs {
			j.reply(answer{dnshost.Result{Domain: zone.name}, err})
		}
		return
	}
	if len(jobs) == 0 {
		lease.Release(lease.Notes())
		return
	}
	log := p.options.Log.WithValues("zone", zone.name)
	ctx, cancel := context.WithDeadline(logr.NewContext(ctx, log), deadline)
	defer cancel()
	r := p.newRound(zone, b.key.account, lease, log)
	r.run(ctx, jobs)
	lease.Release(r.notesNow())
	r.reply(jobs)
}

func (p *Provider) setReason(b *batch, reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.reason = reason
}

// closeBatch ends the collection. It rejects callers with too little time left, because the earliest deadline limits
// the round.
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
