package mijnhost

import (
	"testing"
	"testing/synctest"
	"time"
)

// Keys are dropped within a week of their last use.
func TestProvider_ForgetsUnusedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewProvider(Options{})
		known := func() int {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.accounts)
		}
		first := p.account("old key")
		time.Sleep(5 * 24 * time.Hour)
		p.account("new key")
		if p.account("old key") != first {
			t.Error("key in use was dropped")
		}
		time.Sleep(5 * 24 * time.Hour)
		p.account("new key")
		if got := known(); got != 2 {
			t.Errorf("got %d keys, want both", got)
		}
		time.Sleep(2 * 24 * time.Hour)
		if got := known(); got != 1 {
			t.Errorf("got %d keys, want the one in use", got)
		}
		time.Sleep(7 * 24 * time.Hour)
		if got := known(); got != 0 {
			t.Errorf("got %d keys, want none", got)
		}
	})
}
