package mijnhost

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/outcome"
)

// AddTXT puts value under fqdn into the zone of the domain that holds it, and leaves
// every other record alone. It is success if the value stands there already. zone is
// the zone of fqdn as public DNS shows it; ttl is in seconds.
//
// Where PATCH turns out to replace values, the value of another challenge of this process
// survives: it is put back, and the error is ErrNameInUse until that challenge is cleaned up.
// A value that nobody here presented is a left-over and never blocks.
//
// Other errors are an *Error, ErrNoDomain or ErrNotManaged.
func (p *Provider) AddTXT(ctx context.Context, apiKey, zone, fqdn, value string, ttl int) error {
	begun := time.Now()
	zone, fqdn = Canonical(zone, ""), Canonical(fqdn, "")
	at, release, err := p.hold(ctx, apiKey, fqdn)
	if err != nil {
		return err
	}
	defer release()

	var records []Record
	if at.domain, records, err = at.account.find(ctx, zone, fqdn); err != nil {
		return err
	}
	outcome.From(ctx).SetDomain(at.domain)
	if err = p.putBackLost(ctx, at, value); err != nil {
		return err
	}
	siblings, shown, err := at.liveSiblings(ctx, at.shownValues(records), value, p.patch.Load())
	if err != nil {
		return err
	}
	if slices.Contains(shown, value) && at.trusts(value) {
		at.put(value, ttl)
		return nil
	}
	if len(siblings) > 0 && slices.Contains(shown, value) {
		p.patch.Store(patchAdds) // whichever was written later has left the other one alone
	}
	alone := len(siblings) == 0 || p.patch.Load() == patchAdds
	if !alone && p.patch.Load() == patchReplaces {
		return ErrNameInUse
	}
	if !alone && !enoughToUndo(ctx) {
		return cmp.Or(at.client.quiet.delayed(begun), ErrNameInUse)
	}
	p.tellForeign(ctx, at, shown, value)
	if alone {
		return at.write(ctx, value, ttl)
	}
	return p.addBeside(ctx, at, siblings, value, ttl)
}

// write puts one value into the zone and notes it as live.
func (at *place) write(ctx context.Context, value string, ttl int) error {
	err := at.patch(ctx, value, ttl)
	if err == nil {
		at.put(value, ttl)
	}
	return err
}

// patch sends one value, and notes that it may stand from now on even where the call fails.
func (at *place) patch(ctx context.Context, value string, ttl int) error {
	err := at.client.PatchRecord(ctx, at.domain, at.record(value, ttl))
	at.account.noteWrite(at.domain, at.fqdn)
	if err == nil || mayHaveWorked(err) {
		at.disturb()
		at.tried[value] = true
	}
	return err
}

// tellForeign logs the values that a replacing PATCH would cost and that nobody here presented.
func (p *Provider) tellForeign(ctx context.Context, at *place, shown []string, value string) {
	if p.patch.Load() == patchAdds {
		return
	}
	for _, foreign := range shown {
		if _, live := at.live[foreign]; !live && foreign != value {
			p.options.Observer.ForeignAtRisk()
			logr.FromContextOrDiscard(ctx).Info("A value that this process did not present stands under the challenge's name and may be replaced",
				"foreignSHA256", outcome.Fingerprint(foreign))
		}
	}
}
