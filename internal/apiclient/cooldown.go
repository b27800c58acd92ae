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
	// The pause after a 429 without Retry-After doubles between these; no host documents one.
	firstUnnamedCoolDown   = time.Second
	longestUnnamedCoolDown = time.Minute
	// longestCoolDown limits Retry-After, so that one absurd header cannot stop the webhook for a day.
	longestCoolDown = time.Hour
)

// coolDown pauses all calls of one API key after a 429. A call whose deadline is earlier fails at once.
type coolDown struct {
	mu     sync.Mutex
	until  time.Time
	set    time.Time // when until was last moved
	reason Error     // the response that started it, for calls that are not sent
	pace   *backoff.ExponentialBackOff
}

func newCoolDown() *coolDown {
	return &coolDown{pace: jittered(firstUnnamedCoolDown, longestUnnamedCoolDown)}
}

// cooled waits for the end of a cool-down, and starts one.
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

// wait waits for the end of the cool-down. It fails at once if that is after the deadline of ctx.
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

// update starts or extends the cool-down if err asks for one, and returns the pause it added. Without Retry-After, a call that
// began before the cool-down does not extend it: eight calls that fail together count once.
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

// asksForCoolDown reports whether the response concerns all calls: a 429, or a 503 with Retry-After.
func (e *Error) asksForCoolDown() bool {
	return e.Status == http.StatusTooManyRequests ||
		e.Status == http.StatusServiceUnavailable && e.retryAfter > 0
}
