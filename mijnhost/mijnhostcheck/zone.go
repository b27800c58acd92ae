package mijnhostcheck

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

const (
	// steady is how many reads in a row must agree. Replicas of the API can differ.
	steady = 4
	// awaitTime bounds the wait for reads to agree.
	awaitTime = 60 * time.Second
	// gone is how long another client's record must be missing before it counts as deleted.
	gone = 30 * time.Second
)

// zone reads the domain's zone and records the consistency of the reads.
type zone struct {
	client *mijnhost.Client
	domain string
	listed string // domain as the API lists it
	probe  string // bare name

	reads   *Reads
	written time.Time // the last write of this check

	others  map[mijnhost.Record]time.Time // other clients' records, and since when each is missing; zero if shown
	pending struct {                      // an omission, until it is known that the records still existed
		kind string
		age  float64
	}
}

// view is one read.
type view struct {
	shown    []mijnhost.Record // at the probe's name
	complete bool              // all other clients' records are shown
	at       time.Time
}

// Values of Reads.Incomplete.
const (
	incompleteNo    = "no"
	incompleteShort = "short"
	incompleteEmpty = "empty"
)

// begin records other clients' records, except those of challenges and other checks, which come and go.
func (z *zone) begin(ctx context.Context) (leftOver []string, err error) {
	records, err := z.read(ctx)
	if err != nil {
		return nil, err
	}
	z.others = map[mijnhost.Record]time.Time{}
	for _, r := range records {
		name := absolute(r.Name, z.domain)
		switch {
		case strings.HasPrefix(name, probeLabel):
			if !slices.Contains(leftOver, name) {
				leftOver = append(leftOver, name)
			}
		case !strings.HasPrefix(name, check.ChallengeLabel):
			z.others[r] = time.Time{}
		}
	}
	if len(z.others) > 0 {
		z.reads.Incomplete = incompleteNo
	}
	return leftOver, nil
}

func (z *zone) read(ctx context.Context) ([]mijnhost.Record, error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return z.client.Records(call, z.listed)
}

// wrote notes that a write has ended.
func (z *zone) wrote(at time.Time) { z.written = at }

// look reads the zone once.
func (z *zone) look(ctx context.Context) (view, error) {
	records, err := z.read(ctx)
	if err != nil {
		return view{}, err
	}
	v := view{at: time.Now(), complete: true}
	shown := map[mijnhost.Record]bool{}
	for _, r := range records {
		shown[r] = true
		if strings.EqualFold(r.Type, "TXT") && absolute(r.Name, z.domain) == z.probe {
			v.shown = append(v.shown, r)
		}
	}
	for r, missing := range z.others {
		switch {
		case shown[r]:
			z.others[r] = time.Time{}
		case missing.IsZero():
			z.others[r] = v.at
			v.complete = false
		case v.at.Sub(missing) > gone:
			delete(z.others, r)
			z.pending.kind = ""
		default:
			v.complete = false
		}
	}
	z.noteIncomplete(v, len(records) == 0)
	return v, nil
}

// noteIncomplete records an omission once the records are back, because another client can have deleted them.
func (z *zone) noteIncomplete(v view, empty bool) {
	if !v.complete {
		if z.pending.kind != incompleteEmpty {
			z.pending.kind = incompleteShort
		}
		if empty {
			z.pending.kind = incompleteEmpty
		}
		z.pending.age = max(z.pending.age, check.InSeconds(v.at.Sub(z.written)))
		return
	}
	if z.pending.kind != "" {
		if z.reads.Incomplete != incompleteEmpty {
			z.reads.Incomplete = z.pending.kind
		}
		z.reads.IncompleteFor = max(z.reads.IncompleteFor, z.pending.age)
	}
	z.pending.kind, z.pending.age = "", 0
}

// awaitWrite reads until steady reads in a row are complete and show the last write, and measures the time. It returns false if
// that does not happen within awaitTime.
func (z *zone) awaitWrite(ctx context.Context, isShown func([]mijnhost.Record) bool) (view, bool, error) {
	var settled time.Time // first of the reads in a row that show it
	ever := false
	v, agreed, err := z.await(ctx, func(v view) bool {
		switch {
		case !v.complete:
			settled = time.Time{}
			return false
		case !isShown(v.shown):
			z.reads.StaleFor = max(z.reads.StaleFor, check.InSeconds(v.at.Sub(z.written)))
			z.reads.Disagree = z.reads.Disagree || ever
			settled = time.Time{}
			return false
		}
		ever = true
		if settled.IsZero() {
			settled = v.at
		}
		return true
	})
	if agreed {
		elapsed := check.InSeconds(settled.Sub(z.written))
		if z.reads.SettledAfter != nil {
			elapsed = max(elapsed, *z.reads.SettledAfter)
		}
		z.reads.SettledAfter = &elapsed
	}
	return v, agreed, err
}

// awaitQuiet waits until stale reads are ruled out. It is for writes that may have no visible effect.
func (z *zone) awaitQuiet(ctx context.Context) (v view, agreed bool) {
	worst := z.reads.StaleFor
	if z.reads.SettledAfter != nil {
		worst = max(worst, *z.reads.SettledAfter)
	}
	quiet := z.written.Add(time.Duration(1.5*worst*float64(time.Second)) + 2*time.Second)
	_ = check.Pause(ctx, time.Until(quiet)) // the next read fails if ctx is done
	var before []mijnhost.Record
	v, agreed, _ = z.await(ctx, func(v view) bool {
		same := v.complete && slices.Equal(v.shown, before)
		before = v.shown
		return same
	})
	return v, agreed
}

// await reads until steady reads in a row satisfy holds, and returns the last read.
func (z *zone) await(ctx context.Context, holds func(view) bool) (v view, agreed bool, err error) {
	start := time.Now()
	for inARow := 0; ; {
		if v, err = z.look(ctx); err != nil {
			return v, false, err
		}
		if holds(v) {
			inARow++
		} else {
			inARow = 0
		}
		waited := time.Since(start)
		if inARow == steady || waited > awaitTime {
			return v, inARow == steady, nil
		}
		_ = check.Pause(ctx, pauseAfter(waited)) // the next read fails if ctx is done
	}
}

// pauseAfter returns the pause between reads, which grows with the wait.
func pauseAfter(waited time.Duration) time.Duration {
	switch {
	case waited < time.Second:
		return 500 * time.Millisecond
	case waited < 15*time.Second:
		return time.Second
	default:
		return 2 * time.Second
	}
}
