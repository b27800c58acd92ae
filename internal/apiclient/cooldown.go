package apiclient

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
)

const (
	// The pause after a 429 that names none doubles from the first to the longest: no host publishes numbers.
	firstUnnamedCoolDown   = time.Second
	longestUnnamedCoolDown = time.Minute
	// longestCoolDown bounds a Retry-After, so that one absurd header cannot silence the webhook for a day.
	longestCoolDown = time.Hour
)

// coolDown pauses all calls of one API key after a 429. Calls wait for its end if their deadline allows, and fail at
// once if it does not.
type coolDown struct {
	mu     sync.Mutex
	until  time.Time
	set    time.Time // when until was last moved
	reason Error     // the answer that began it, for calls that are not sent
	pace   *backoff.ExponentialBackOff
}

func newCoolDown() *coolDown {
	return &coolDown{pace: jittered(firstUnnamedCoolDown, longestUnnamedCoolDown)}
}

// cooled makes calls wait for the end of a cool-down, and starts one.
func cooled(next handler, c *coolDown, o Options) handler {
	return func(ctx context.Context, r *request) error {
		if err := c.wait(ctx); err != nil {
			return err
		}
		begun := time.Now()
		err := next(ctx, r)
		if pause := c.update(err, begun); pause > 0 {
			o.Observer.CooledDown(pause)
			logr.FromContextOrDiscard(ctx).V(2).Info(o.Host+" rate-limits this API key", "pause", pause.Round(time.Millisecond))
		}
		return err
	}
}

// wait returns when no cool-down is on. It fails at once if the cool-down lasts beyond the deadline of ctx.
func (c *coolDown) wait(ctx context.Context) error {
	for {
		c.mu.Lock()
		pause, reason := time.Until(c.until), c.reason
		c.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return &reason
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return &reason
		}
	}
}

// update starts or lengthens the cool-down if err asks for one, and returns the pause that it added. A call that was begun
// before the present cool-down says nothing new unless it asks for longer: eight calls that fail together are one failure.
func (c *coolDown) update(err error, begun time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *Error
	if !errors.As(err, &e) || !e.asksForCoolDown() {
		if err == nil {
			c.pace.Reset()
		}
		return 0
	}
	now := time.Now()
	pause := e.retryAfter
	if pause == 0 {
		if begun.Before(c.set) {
			return 0
		}
		pause = c.pace.NextBackOff()
	}
	until := now.Add(pause)
	if !until.After(c.until) {
		return 0
	}
	added := pause - max(0, c.until.Sub(now))
	c.until, c.set, c.reason = until, now, *e
	c.reason.notSent = true
	return added
}

// asksForCoolDown: a 429, or a 503 that says when to come back, is about all calls.
func (e *Error) asksForCoolDown() bool {
	return e.Status == http.StatusTooManyRequests ||
		e.Status == http.StatusServiceUnavailable && e.retryAfter > 0
}
