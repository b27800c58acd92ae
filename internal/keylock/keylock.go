// Package keylock lets one holder at a time work on a key, such as a DNS name.
package keylock

import (
	"context"
	"sync"
)

// Locks has a lock for every key that is held or waited for. The zero value is ready for use.
type Locks struct {
	mu    sync.Mutex
	locks map[string]*lock
}

type lock struct {
	free  chan struct{} // has one token while the lock is free
	users int           // holders and waiters; guarded by Locks.mu
}

// Acquire waits for key's lock. The caller must call release. The error is that of ctx.
func (l *Locks) Acquire(ctx context.Context, key string) (release func(), err error) {
	one := l.enter(key)
	select {
	case <-one.free:
		return func() {
			one.free <- struct{}{}
			l.leave(key, one)
		}, nil
	case <-ctx.Done():
		l.leave(key, one)
		return nil, ctx.Err()
	}
}

func (l *Locks) enter(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.locks[key]
	if !ok {
		one = &lock{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		if l.locks == nil {
			l.locks = map[string]*lock{}
		}
		l.locks[key] = one
	}
	one.users++
	return one
}

func (l *Locks) leave(key string, one *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one.users--
	if one.users == 0 {
		delete(l.locks, key)
	}
}
