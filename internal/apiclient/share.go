package apiclient

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// Share runs read once for all callers who ask for the same key while it runs. The read has the deadline of the first who
// asked and outlives that caller. If it fails for want of time, a caller with more time asks once more.
func Share[T any](ctx context.Context, group *singleflight.Group, host, key string, read func(context.Context) (T, error)) (T, error) {
	ask := func() (T, error) {
		answers := group.DoChan(key, func() (any, error) {
			readCtx, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
			if deadline, ok := ctx.Deadline(); ok {
				readCtx, cancel = context.WithDeadline(readCtx, deadline)
			}
			defer cancel()
			return read(readCtx)
		})
		select {
		case answer := <-answers:
			value, _ := answer.Val.(T) // none with an error
			return value, answer.Err
		case <-ctx.Done():
			var none T
			return none, NoAnswer(host, ctx.Err())
		}
	}
	value, err := ask()
	if deadline, ok := ctx.Deadline(); IsRetryable(err) && (!ok || time.Until(deadline) > attemptTimeout) {
		return ask()
	}
	return value, err
}
