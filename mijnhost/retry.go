package mijnhost

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstRetry   = 300 * time.Millisecond
	longestRetry = 4 * time.Second
	// maxAttempts bounds the attempts of one call where the caller set no deadline.
	maxAttempts = 10
)

// retried tries a call again while its failure may pass by itself and time is left.
// All calls may be repeated: each of them says what shall be, not what to change.
// When time runs out, what the API said last is the outcome: a deadline explains nothing.
func retried(next exchange, o Observer) exchange {
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		var last error
		uncertain := false
		data, err := backoff.Retry(ctx,
			func() (json.RawMessage, error) {
				data, err := next(ctx, c)
				if err == nil {
					return data, nil
				}
				uncertain = uncertain || mayHaveWorked(err)
				if last == nil || ctx.Err() == nil {
					last = err
				}
				if !mayPass(err) {
					return nil, backoff.Permanent(err)
				}
				return nil, err
			},
			backoff.WithBackOff(jittered(firstRetry, longestRetry)),
			backoff.WithMaxTries(maxAttempts),
			backoff.WithMaxElapsedTime(timeLeft(ctx)),
			backoff.WithNotify(func(error, time.Duration) { o.Retried(c.op) }),
		)
		switch {
		case err == nil:
			return data, nil
		case uncertain:
			return nil, &uncertainError{last}
		default:
			return nil, last
		}
	}
}

// uncertainError is the failure of a call of which some attempt may have had its effect.
type uncertainError struct{ error }

func (e *uncertainError) Unwrap() error { return e.error }

// mayHaveWorked tells whether a call that failed may have had its effect all the same: the API did not
// say a clear no, at least not to its first attempt.
func mayHaveWorked(err error) bool {
	var e *Error
	return errors.As(err, new(*uncertainError)) ||
		errors.As(err, &e) && (e.cause != nil || isSuccess(e.Status) || e.Status >= http.StatusInternalServerError)
}

// jittered doubles a pause from first to longest, each time spread by a third.
func jittered(first, longest time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     first,
		MaxInterval:         longest,
		Multiplier:          2,
		RandomizationFactor: 0.33,
	}
}

// timeLeft is 0, which means without limit, where there is no deadline.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(deadline), time.Nanosecond)
}

// mayPass tells whether the same call may succeed a moment later.
func mayPass(err error) bool {
	if errors.As(err, new(*stillCooling)) {
		return false
	}
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.cause != nil:
		return !isCertificateError(e.cause)
	case e.Malformed && isSuccess(e.Status): // a page from something between us and the API
		return true
	default:
		return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
	}
}
