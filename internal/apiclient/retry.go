package apiclient

import (
	"context"
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
		var last error
		uncertain := false
		_, err := backoff.Retry(ctx,
			func() (struct{}, error) {
				err := next(ctx, r)
				if err == nil {
					return struct{}{}, nil
				}
				uncertain = uncertain || MayHaveTakenEffect(err)
				if last == nil || ctx.Err() == nil {
					last = err
				}
				if !IsRetryable(err) {
					return struct{}{}, backoff.Permanent(err)
				}
				return struct{}{}, err
			},
			backoff.WithBackOff(jittered(firstRetry, longestRetry)),
			backoff.WithMaxTries(maxAttempts),
			backoff.WithMaxElapsedTime(timeLeft(ctx)),
			backoff.WithNotify(func(error, time.Duration) { o.Retried(r.call.Op) }),
		)
		switch {
		case err == nil:
			return nil
		case uncertain:
			return &uncertainError{last}
		default:
			return last
		}
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
