package mijnhost

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestKeysAreForgotten: within a week of their last use.
func TestKeysAreForgotten(t *testing.T) {
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
			t.Error("a key in use was forgotten")
		}
		time.Sleep(5 * 24 * time.Hour)
		p.account("new key")
		if got := known(); got != 2 {
			t.Errorf("%d keys are known, want both", got)
		}
		time.Sleep(2 * 24 * time.Hour)
		if got := known(); got != 1 {
			t.Errorf("%d keys are known, want the one in use", got)
		}
		time.Sleep(7 * 24 * time.Hour)
		if got := known(); got != 0 {
			t.Errorf("%d keys are known, want none", got)
		}
	})
}
