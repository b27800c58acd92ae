package apiclient

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// Share runs read once for all concurrent callers with the same key. The read keeps the first caller's deadline, but ignores its
// cancellation. If the read runs out of time, a caller with more time repeats it.
func Share[T any](ctx context.Context, group *singleflight.Group, host, key string, read func(context.Context) (T, error)) (T, error) {
	join := func() (T, error) {
		results := group.DoChan(key, func() (any, error) {
			readCtx, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
			if deadline, ok := ctx.Deadline(); ok {
				readCtx, cancel = context.WithDeadline(readCtx, deadline)
			}
			defer cancel()
			return read(readCtx)
		})
		select {
		case result := <-results:
			value, _ := result.Val.(T) // zero with an error
			return value, result.Err
		case <-ctx.Done():
			return *new(T), &Error{Host: host, cause: ctx.Err()}
		}
	}
	value, err := join()
	if deadline, ok := ctx.Deadline(); isRetryable(err) && (!ok || time.Until(deadline) > attemptTimeout) {
		return join()
	}
	return value, err
}
