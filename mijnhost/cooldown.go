package mijnhost

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-logr/logr"
)

const (
	// The pause after a 429 that names none doubles from the first to the longest.
	// mijn.host publishes no numbers.
	firstUnnamedCoolDown   = time.Second
	longestUnnamedCoolDown = time.Minute
	// longestCoolDown bounds what a Retry-After can ask for, so that one absurd
	// header cannot silence the webhook for a day.
	longestCoolDown = time.Hour
)

// coolDown quiets all calls of one API key after the API said that there were too
// many. Calls wait for its end where their deadline allows, and fail at once where
// it does not.
type coolDown struct {
	mu     sync.Mutex
	until  time.Time
	set    time.Time // when until was last moved
	reason error     // the answer that began it
	pace   *backoff.ExponentialBackOff
}

func newCoolDown() *coolDown {
	return &coolDown{pace: jittered(firstUnnamedCoolDown, longestUnnamedCoolDown)}
}

// stillCooling is the API's refusal, told again to a call that was not sent.
type stillCooling struct{ reason error }

func (e *stillCooling) Error() string { return e.reason.Error() }
func (e *stillCooling) Unwrap() error { return e.reason }

// cooled makes calls heed a cool-down and begin one.
func cooled(next exchange, c *coolDown, o Observer) exchange {
	return func(ctx context.Context, request call) (json.RawMessage, error) {
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
		begun := time.Now()
		data, err := next(ctx, request)
		if pause := c.heed(err, begun); pause > 0 {
			o.CooledDown(pause)
			logr.FromContextOrDiscard(ctx).V(2).Info("mijn.host asks for fewer calls with this API key", "pause", pause.Round(time.Millisecond))
		}
		return data, err
	}
}

// wait returns when no cool-down is on. It fails at once where the cool-down
// lasts beyond the deadline of ctx.
func (c *coolDown) wait(ctx context.Context) error {
	for {
		c.mu.Lock()
		pause, reason := time.Until(c.until), c.reason
		c.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return &stillCooling{reason}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return &stillCooling{reason}
		}
	}
}

// delayed is the API's refusal where a cool-down has been on since that time, and nil otherwise.
func (c *coolDown) delayed(since time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until.After(since) {
		return c.reason
	}
	return nil
}

// heed begins or lengthens the cool-down if err asks for one, and returns the
// pause that it added. A call that was begun before the present cool-down tells nothing new
// unless it asks for longer: eight calls in flight that fail together are one failure.
func (c *coolDown) heed(err error, begun time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *Error
	if !errors.As(err, &e) || !e.asksForQuiet() {
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
	c.until, c.set, c.reason = until, now, err
	return added
}

// asksForQuiet tells whether an answer is about all calls: a 429, or a 503 that
// says when to come back.
func (e *Error) asksForQuiet() bool {
	return e.Status == http.StatusTooManyRequests ||
		e.Status == http.StatusServiceUnavailable && e.retryAfter > 0
}
