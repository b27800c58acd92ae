package solver

import (
	"testing"
	"testing/synctest"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
)

// TestPresented_ExpiresAfterAWeek: the cleanup may run in another process.
func TestPresented_ExpiresAfterAWeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		remembered := 0
		p := newPresented(func(change int) { remembered += change })
		want := func(n int) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if remembered != n || len(p.records) != n {
				t.Errorf("got %d records and a count of %d, want %d", len(p.records), remembered, n)
			}
		}
		once, again := &whapi.ChallengeRequest{Key: "once"}, &whapi.ChallengeRequest{Key: "again"}
		p.add(once, apiKey{}, true)
		p.add(again, apiKey{}, true)
		want(2)
		<-time.After(rememberFor - time.Second)
		p.add(again, apiKey{}, true)
		want(2)
		<-time.After(2 * time.Second)
		want(1)
		p.remove(again)
		want(0)
	})
}
