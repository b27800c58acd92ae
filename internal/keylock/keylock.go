// Package keylock locks keys, such as DNS names.
package keylock

import (
	"context"
	"sync"
)

// Locks has a lock for every key in use. The zero value is ready for use.
type Locks struct {
	mu    sync.Mutex
	locks map[string]*lock
}

type lock struct {
	taken chan struct{} // full while the lock is held
	users int           // holders and waiters; guarded by Locks.mu
}

// Acquire waits for key's lock. The caller must call release. The error is that of ctx.
func (l *Locks) Acquire(ctx context.Context, key string) (release func(), err error) {
	one := l.enter(key)
	select {
	case one.taken <- struct{}{}:
		return func() {
			<-one.taken
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
	if l.locks == nil {
		l.locks = map[string]*lock{}
	}
	one := l.locks[key]
	if one == nil {
		one = &lock{taken: make(chan struct{}, 1)}
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
