package apiclient

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/singleflight"
)

// slowRead counts its calls. Each takes duration, unless its context ends first.
type slowRead struct {
	duration time.Duration
	mu       sync.Mutex
	calls    int
}

func (s *slowRead) read(ctx context.Context) (int, error) {
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.mu.Unlock()
	select {
	case <-time.After(s.duration):
		return n, nil
	case <-ctx.Done():
		return 0, &Error{Host: "a.host", cause: ctx.Err()}
	}
}

func TestShare_OneReadPerKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group singleflight.Group
		s := &slowRead{duration: time.Second}
		var all sync.WaitGroup
		for i := range 10 {
			key := []string{"a", "b"}[i%2]
			all.Go(func() {
				if n, err := Share(t.Context(), &group, "a.host", key, s.read); n == 0 || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
			})
		}
		all.Wait()
		if s.calls != 2 {
			t.Errorf("got %d reads for ten callers with two keys, want 2", s.calls)
		}
	})
}

func TestShare_FirstCallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var group singleflight.Group
		s := &slowRead{duration: 4 * time.Second}
		first, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := Share(first, &group, "a.host", "a", s.read)
			if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("first caller: got error %v, want its own cancellation", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if n, err := Share(withDeadline(t, 5*time.Second), &group, "a.host", "a", s.read); n != 1 || err != nil {
				t.Errorf("second caller: got %d, %v, want the result of the first caller's read", n, err)
			}
		})
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

// TestShare_OutOfTime: the shared read ends at the first caller's deadline. The second caller repeats it if it has time left.
func TestShare_OutOfTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second time.Duration // deadline of the second caller; 0 for none
		reads  int
		ok     bool
	}{
		"enough time left": {25 * time.Second, 2, true},
		"no deadline":      {0, 2, true},
		"too little time":  {9 * time.Second, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var group singleflight.Group
				s := &slowRead{duration: 4 * time.Second}
				start := time.Now()
				var all sync.WaitGroup
				all.Go(func() {
					if _, err := Share(withDeadline(t, 2*time.Second), &group, "a.host", "a", s.read); err == nil {
						t.Error("a read of 4 s succeeded in 2 s")
					}
				})
				synctest.Wait()
				ctx := t.Context()
				if c.second > 0 {
					ctx = withDeadline(t, c.second)
				}
				_, err := Share(ctx, &group, "a.host", "a", s.read)
				if elapsed := time.Since(start); !c.ok && elapsed != 2*time.Second {
					t.Errorf("failed after %s, want 2s", elapsed)
				}
				if (err == nil) != c.ok || s.calls != c.reads {
					t.Errorf("got %d reads, %v; want %d, success %v", s.calls, err, c.reads, c.ok)
				}
				all.Wait()
			})
		})
	}
}

func TestShare_FinalErrorIsNotRepeated(t *testing.T) {
	t.Parallel()
	calls := 0
	_, err := Share(t.Context(), new(singleflight.Group), "a.host", "a", func(context.Context) (int, error) {
		calls++
		return 0, &Error{Status: http.StatusBadRequest}
	})
	if calls != 1 || !IsRefusal(err) {
		t.Errorf("got %d reads, %v; want 1 and the 400", calls, err)
	}
}
