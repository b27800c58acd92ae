package mijnhost

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// liveSiblings returns the values of other challenges under this name that stand in the
// zone. A read that lacks one of them is stale, or another process has cleaned it up: wait
// for it to show, and forget it only where a stale read can be ruled out.
func (set *rrset) liveSiblings(ctx context.Context, shown []string, value string, effect patchEffect) (siblings, shownNow []string, err error) {
	siblings = set.history.siblings(value)
	if effect == patchAdds || containsAll(shown, siblings) {
		return siblings, shown, nil
	}
	if effect == patchReplaces && !set.zoneSettled() {
		return nil, nil, ErrNameInUse
	}
	records, all, err := set.await(ctx, siblings)
	shown = set.shownValues(records)
	switch {
	case err != nil:
		return nil, nil, err
	case all:
		return siblings, shown, nil
	case !set.zoneSettled():
		return nil, nil, ErrNameInUse
	}
	set.history.forgetVanished(siblings, shown)
	return set.history.siblings(value), shown, nil
}

// enoughToUndo tells whether there is time to see what a PATCH has done to the siblings and to put them back: what is
// left of a call may be little, after a wait for the name or for the end of a cool-down.
func enoughToUndo(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > awaitFor+oneAttempt
}

// addBeside writes value where siblings stand and the effect of PATCH is not known, and learns it: a
// read that shows value also shows what became of them.
func (p *Provider) addBeside(ctx context.Context, set *rrset, siblings []string, value string, ttl int) error {
	err := set.patch(ctx, value, ttl)
	alone := false
	switch {
	case err != nil && !apiclient.MayHaveTakenEffect(err):
		return err
	case err == nil:
		records, seen, readErr := set.await(ctx, []string{value})
		shown := set.shownValues(records)
		if readErr == nil && seen && containsAny(shown, siblings) {
			p.patch.Store(patchAdds)
			set.history.forgetVanished(siblings, shown)
			set.history.markPresented(value, ttl)
			return nil
		}
		alone = readErr == nil && seen
	}
	// Replaced, or impossible to tell: the values that were presented first must stand.
	for _, sibling := range siblings {
		set.history.setLost(sibling, true)
	}
	if lostErr := p.putBackLost(ctx, set, value); lostErr != nil {
		return lostErr
	}
	if err != nil {
		return err
	}
	return p.learnFromPutBack(ctx, set, siblings, value, ttl, alone)
}

// learnFromPutBack looks at the name after the siblings were put back beside value. If all stand together, PATCH
// adds; and if value had stood alone, another process had cleaned the siblings up, and they must go again.
func (p *Provider) learnFromPutBack(ctx context.Context, set *rrset, siblings []string, value string, ttl int, alone bool) error {
	_, together, err := set.await(ctx, append([]string{value}, siblings...))
	switch {
	case err != nil:
		return err
	case together:
		p.patch.Store(patchAdds)
		set.history.markPresented(value, ttl)
		if !alone {
			return nil
		}
		for _, sibling := range siblings {
			if err := set.deleteAs(ctx, []Record{set.record(sibling, 0)}, sibling); err != nil {
				return err
			}
			delete(set.history.live, sibling)
		}
		return nil
	case alone:
		p.patch.Store(patchReplaces)
		logr.FromContextOrDiscard(ctx).V(2).Info("PATCH replaces the values of a name: the value of the other challenge was put back")
	}
	return ErrNameInUse
}

// putBackLost writes the live values again that PATCH may have replaced with value, unless
// the caller is about to write that very value.
func (p *Provider) putBackLost(ctx context.Context, set *rrset, value string) error {
	for sibling, known := range set.history.live {
		if !known.lost || sibling == value {
			continue
		}
		err := set.write(ctx, sibling, known.ttl)
		switch {
		case err == nil:
			p.observeRestored()
		case apiclient.IsRefusal(err) && set.stands(ctx, sibling, value):
			set.history.setLost(sibling, false)
		default:
			return err
		}
	}
	return nil
}

// stands tells whether reads prove that lost was not replaced by value: they show both, or they
// show lost after so long a time that they cannot be stale.
func (set *rrset) stands(ctx context.Context, lost, value string) bool {
	records, both, err := set.await(ctx, []string{lost, value})
	return err == nil && (both || set.history.settled() && slices.Contains(set.shownValues(records), lost))
}
