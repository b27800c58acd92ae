package mijnhostcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

const (
	// removalTime bounds the removal. With the default --timeout, the check stays below 5 minutes, the timeout of `helm test`.
	removalTime = 90 * time.Second
	// unseenTime is how long reads must not show a value before it counts as removed. Reads can be seconds old.
	unseenTime = 30 * time.Second
	// cleanReads is how many reads in a row must not show the probe.
	cleanReads = 2
)

var (
	errStillShown  = errors.New("the API still shows it")
	errUnconfirmed = errors.New("removal not confirmed by the API")
)

// remove removes all values at the probe's name, even if ctx is done, and reports StepRemove.
func (p *probe) remove(ctx context.Context, c *check.Check) {
	if !p.sent {
		return
	}
	c.Progress("Removing the probe record.")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	if err := p.removeAll(ctx); err != nil {
		c.Result.LeftBehind = p.name
		c.Step(check.StepRemove, check.Problem, fmt.Sprintf("The probe record may still be in the zone: %v.", err),
			fmt.Sprintf("Delete the TXT record %s of %s in mijn.host's control panel.", p.name, p.zone.domain))
		return
	}
	summary := "Removed the probe record."
	if !p.succeeded {
		summary = "No probe record in the zone."
	}
	c.Step(check.StepRemove, check.OK, summary, "")
}

// removeAll deletes what reads show, until they show nothing and every sent value is accounted for.
func (p *probe) removeAll(ctx context.Context) error {
	fault := errUnconfirmed
	for round, clean := 0, 0; ; round++ {
		v, err := p.zone.look(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && !errors.Is(fault, errUnconfirmed): // the API's earlier answer says more
		case err != nil:
			fault = err
		case len(v.shown) > 0:
			clean = 0
			fault = errStillShown
			p.removeShown(ctx, v)
		default:
			fault = errUnconfirmed
			if v.complete {
				clean++
			}
		}
		if round%5 == 0 {
			p.removeUnseen(ctx)
		}
		if clean >= cleanReads && p.accounted() {
			return nil
		}
		if check.Pause(ctx, removalPause(round)) != nil {
			return fault
		}
	}
}

func removalPause(round int) time.Duration {
	return min(500*time.Millisecond+time.Duration(round)*250*time.Millisecond, 4*time.Second)
}

// removeShown deletes records in the form that reads show. A refused record may be gone already; later reads decide.
func (p *probe) removeShown(ctx context.Context, v view) {
	failed := map[string]bool{}
	for _, r := range v.shown {
		if p.delete(ctx, r) != nil {
			failed[mijnhost.Unquoted(r.Value)] = true
		}
	}
	for value := range p.written {
		switch {
		case !shows(v.shown, value):
		case failed[value]:
			p.written[value] = v.at
		default:
			delete(p.written, value)
		}
	}
}

// removeUnseen deletes sent values that reads may not show yet. Neither a success nor a failure proves that the value is gone.
func (p *probe) removeUnseen(ctx context.Context) {
	for value := range p.written {
		_ = p.delete(ctx, p.absolute(value))
	}
}

// accounted reports whether no sent value can appear any more.
func (p *probe) accounted() bool {
	for _, at := range p.written {
		if time.Since(at) < unseenTime {
			return false
		}
	}
	return true
}
