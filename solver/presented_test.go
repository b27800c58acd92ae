package solver

import (
	"strconv"
	"strings"
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
		<-time.After(7*24*time.Hour - time.Second)
		p.add(again, apiKey{}, true)
		want(2)
		<-time.After(2 * time.Second)
		want(1)
		p.remove(again)
		want(0)
	})
}

// The last successful attempt counts or, without one, the last attempt. Only successes are reported.
func TestPresented_Attempts(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[string]struct {
		key      string
		reported int
	}{
		"failed":                       {"1", 0},
		"failed, failed":               {"2", 0},
		"failed, succeeded":            {"2", 1},
		"succeeded, failed":            {"1", 1},
		"succeeded, succeeded":         {"2", 1},
		"succeeded, failed, failed":    {"1", 1},
		"failed, succeeded, failed":    {"2", 1},
		"succeeded, failed, succeeded": {"3", 1},
	} {
		t.Run(attempts, func(t *testing.T) {
			t.Parallel()
			reported := 0
			p := newPresented(func(change int) { reported += change })
			ch := &whapi.ChallengeRequest{Key: "value"}
			var all []*record
			for i, attempt := range strings.Split(attempts, ", ") {
				p.add(ch, apiKey{value: strconv.Itoa(i + 1)}, attempt == "succeeded")
				all = append(all, p.records[identify(ch)])
			}
			last := all[len(all)-1]
			if last.key.value != want.key || reported != want.reported {
				t.Errorf("got the key of attempt %s and %d reported values, want %+v", last.key.value, reported, want)
			}
			p.forget(identify(ch), all[0]) // the timer of a replaced record may already have fired
			if _, ok := p.get(ch); ok != (all[0] != last) {
				t.Errorf("after the first record expired: got remembered %v", ok)
			}
			p.remove(ch)
			if reported != 0 {
				t.Errorf("after clean-up: got %d reported values, want 0", reported)
			}
			for i, r := range all {
				if r.expiry.Stop() {
					t.Errorf("the timer of record %d still runs and keeps the key in memory", i+1)
				}
			}
		})
	}
}

func TestPresented_OneRecordPerChallenge(t *testing.T) {
	t.Parallel()
	p := newPresented(func(int) {})
	challenges := []*whapi.ChallengeRequest{
		{ResourceNamespace: "team-a", DNSName: "example.nl", Key: "1"},
		{ResourceNamespace: "team-b", DNSName: "example.nl", Key: "1"},
		{ResourceNamespace: "team-a", DNSName: "www.example.nl", Key: "1"},
		{ResourceNamespace: "team-a", DNSName: "example.nl", Key: "2"},
	}
	for _, ch := range challenges {
		p.add(ch, apiKey{}, true)
	}
	if len(p.records) != len(challenges) {
		t.Errorf("got %d remembered challenges, want %d", len(p.records), len(challenges))
	}
	for _, ch := range challenges {
		p.remove(ch)
	}
}
