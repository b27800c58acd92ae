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
	// maxAttempts also ends a call without a deadline.
	maxAttempts = 10
)

// retried retries a call until its deadline. It returns the API's last response as the error, because a deadline explains
// nothing.
func retried(next handler, o Observer) handler {
	return func(ctx context.Context, r *request) error {
		if r.call.Once {
			return next(ctx, r)
		}
		var last *Error
		uncertain, left := false, time.Duration(0) // 0 is no limit
		if deadline, ok := ctx.Deadline(); ok {
			left = max(time.Until(deadline), time.Nanosecond)
		}
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
				if !isRetryable(e) {
					return struct{}{}, backoff.Permanent(e)
				}
				return struct{}{}, e
			},
			backoff.WithBackOff(jittered(firstRetry, longestRetry)),
			backoff.WithMaxTries(maxAttempts),
			backoff.WithMaxElapsedTime(left),
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

// jittered doubles a pause from first to longest, with a third of jitter.
func jittered(first, longest time.Duration) *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     first,
		MaxInterval:         longest,
		Multiplier:          2,
		RandomizationFactor: 0.33,
	}
}
