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
		begun := time.Now()
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
		if took := time.Since(begun); most != 1 || took != 10*time.Second {
			t.Errorf("%d at once, and all took %s", most, took)
		}
		if len(l.locks) != 0 {
			t.Errorf("%d locks are left", len(l.locks))
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
			t.Errorf("got %v", err)
		}
		if l.locks["a"].users != 1 {
			t.Errorf("%d users, want the holder", l.locks["a"].users)
		}
		release()
		if len(l.locks) != 0 {
			t.Errorf("%d locks are left", len(l.locks))
		}
		if release, err = l.Acquire(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		release()
	})
}
