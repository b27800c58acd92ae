package outcome_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/outcome"
)

func TestNotesReachTheOneWhoAskedForThem(t *testing.T) {
	t.Parallel()
	ctx, notes := outcome.New(t.Context())
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(outcome.From(ctx).CountCall)
	}
	calls.Wait()
	outcome.From(ctx).SetDomain("example.nl")
	outcome.From(ctx).GiveUp(errors.New("the Secret is gone"))
	if notes.Calls() != 10 || notes.Domain() != "example.nl" || notes.GivenUp() != "the Secret is gone" {
		t.Errorf("noted: %d calls, domain %q, given up %q", notes.Calls(), notes.Domain(), notes.GivenUp())
	}
}

func TestNotesCanBeTakenWhereNobodyAskedForThem(t *testing.T) {
	t.Parallel()
	nobody := outcome.From(context.Background())
	nobody.CountCall()
	nobody.SetDomain("example.nl")
	nobody.GiveUp(errors.New("the Secret is gone"))
}

func TestEachChallengeHasNotesOfItsOwn(t *testing.T) {
	t.Parallel()
	ctx, outer := outcome.New(t.Context())
	inner, _ := outcome.New(ctx)
	outcome.From(inner).CountCall()
	if outer.Calls() != 0 {
		t.Error("a call was noted for another challenge")
	}
}
