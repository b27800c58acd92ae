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
	// After a 429 without Retry-After, the pause doubles from the first to the longest. No host documents one.
	firstUnnamedCoolDown   = time.Second
	longestUnnamedCoolDown = time.Minute
	// longestCoolDown limits Retry-After, so that one absurd header cannot stop the webhook for a day.
	longestCoolDown = time.Hour
)

// coolDown pauses all calls of one API key after a 429. A call whose deadline is earlier fails at once.
type coolDown struct {
	mu     sync.Mutex
	until  time.Time
	set    time.Time // when until last changed
	reason Error     // the response that started it, returned by calls that are not sent
	pace   *backoff.ExponentialBackOff
}

func newCoolDown() *coolDown {
	return &coolDown{pace: jittered(firstUnnamedCoolDown, longestUnnamedCoolDown)}
}

// cooled waits for the end of a cool-down before a call, and starts one after a response that asks for it.
func cooled(next handler, c *coolDown, o Options) handler {
	return func(ctx context.Context, r *request) error {
		if err := c.wait(ctx); err != nil {
			return err
		}
		start := time.Now()
		err := next(ctx, r)
		if pause := c.update(err, start); pause > 0 {
			o.Observer.CooledDown(pause)
			logr.FromContextOrDiscard(ctx).V(2).Info(o.Host+" rate-limits this API key", "pause", pause.Round(time.Millisecond))
		}
		return err
	}
}

// wait waits for the end of the cool-down. It fails at once if the deadline of ctx is earlier.
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

// update starts or extends the cool-down if err asks for one, and returns the added pause. Without Retry-After, a call that
// started before the cool-down does not extend it, so eight calls that fail together count once.
func (c *coolDown) update(err error, start time.Time) time.Duration {
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
		if start.Before(c.set) {
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
