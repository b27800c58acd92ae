package apiclient

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	firstRetry   = 300 * time.Millisecond
	longestRetry = 4 * time.Second
	// maxAttempts bounds the attempts of one call whose caller set no deadline.
	maxAttempts = 10
)

// retried repeats a call while its failure may pass and time is left. When time runs out, the error is the API's last
// answer: a deadline explains nothing.
func retried(next handler, o Observer) handler {
	return func(ctx context.Context, r *request) error {
		if r.call.Once {
			return next(ctx, r)
		}
		var last *Error
		uncertain := false
		_, err := backoff.Retry(ctx,
			func() (struct{}, error) {
				var e *Error
				if err := next(ctx, r); !errors.As(err, &e) {
					return struct{}{}, err
				}
				uncertain = uncertain || MayHaveTakenEffect(e)
				if last == nil || ctx.Err() == nil {
					last = e
				}
				if !IsRetryable(e) {
					return struct{}{}, backoff.Permanent(e)
				}
				return struct{}{}, e
			},
			backoff.WithBackOff(jittered(firstRetry, longestRetry)),
			backoff.WithMaxTries(maxAttempts),
			backoff.WithMaxElapsedTime(timeLeft(ctx)),
			backoff.WithNotify(func(error, time.Duration) { o.Retried(r.call.Op) }),
		)
		if err == nil {
			return nil
		}
		failure := *last
		failure.uncertain = uncertain
		return &failure
	}
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

// timeLeft is 0, which means without limit, if ctx has no deadline.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return max(time.Until(deadline), time.Nanosecond)
}
