package keylock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLocks_OneHolderPerKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Locks
		var all sync.WaitGroup
		var mu sync.Mutex
		held, most := map[string]int{}, 0
		start := time.Now()
		for i := range 30 {
			key := []string{"a", "b", "c"}[i%3]
			all.Go(func() {
				release, err := l.Acquire(t.Context(), key)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				held[key]++
				most = max(most, held[key])
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				held[key]--
				mu.Unlock()
				release()
			})
		}
		all.Wait()
		if elapsed := time.Since(start); most != 1 || elapsed != 10*time.Second {
			t.Errorf("got %d holders at once and %s in all, want 1 and 10s", most, elapsed)
		}
		if len(l.locks) != 0 {
			t.Errorf("got %d locks left, want 0", len(l.locks))
		}
	})
}

func TestLocks_CancelledWaiterLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Locks
		release, err := l.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err = l.Acquire(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want a deadline", err)
		}
		if l.locks["a"].users != 1 {
			t.Errorf("got %d users, want only the holder", l.locks["a"].users)
		}
		release()
		if len(l.locks) != 0 {
			t.Errorf("got %d locks left, want 0", len(l.locks))
		}
		if release, err = l.Acquire(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		release()
	})
}
