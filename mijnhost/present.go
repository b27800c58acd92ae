package mijnhost

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// Present adds one TXT value to the zone of the domain that has its name, and leaves every other record alone. It
// succeeds if the value is there already.
//
// If PATCH turns out to replace values, the value of another challenge of this process survives: it is put back, and the
// error is ErrNameInUse until that challenge is cleaned up. A value that this process did not present never blocks.
//
// Other errors are an *apiclient.Error, ErrNoDomain or ErrNotManaged.
func (p *Provider) Present(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	set, release, err := p.acquire(ctx, apiKey, r)
	if err != nil {
		return dnshost.Result{}, err
	}
	defer release()
	err = p.present(ctx, set, r.Zone, r.Value, cmp.Or(r.TTL, defaultTTL))
	return set.result(), err
}

func (p *Provider) present(ctx context.Context, set *rrset, zone, value string, ttl int) error {
	begun := time.Now()
	records, err := set.find(ctx, zone)
	if err != nil {
		return err
	}
	if err = p.putBackLost(ctx, set, value); err != nil {
		return err
	}
	siblings, shown, err := set.liveSiblings(ctx, set.shownValues(records), value, p.patch.Load())
	if err != nil {
		return err
	}
	if slices.Contains(shown, value) && set.history.trusts(value) {
		set.history.markPresented(value, ttl)
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
		return cmp.Or(set.client.refusedSince(begun), ErrNameInUse)
	}
	p.logForeign(ctx, set, shown, value)
	if alone {
		return set.write(ctx, value, ttl)
	}
	return p.addBeside(ctx, set, siblings, value, ttl)
}

// write sends one value and marks it as presented.
func (set *rrset) write(ctx context.Context, value string, ttl int) error {
	err := set.patch(ctx, value, ttl)
	if err == nil {
		set.history.markPresented(value, ttl)
	}
	return err
}

// patch sends one value, and notes that it may stand from now on even if the call fails.
func (set *rrset) patch(ctx context.Context, value string, ttl int) error {
	err := set.client.PatchRecord(ctx, set.domain, set.record(value, ttl))
	set.account.noteWrite(set.domain, set.fqdn)
	if err == nil || apiclient.MayHaveTakenEffect(err) {
		set.history.markUncertain()
		set.history.uncertain[value] = true
	}
	return err
}

// logForeign logs the values that a replacing PATCH would cost and that nobody here presented.
func (p *Provider) logForeign(ctx context.Context, set *rrset, shown []string, value string) {
	if p.patch.Load() == patchAdds {
		return
	}
	for _, foreign := range shown {
		if _, live := set.history.live[foreign]; !live && foreign != value {
			p.observeForeign()
			logr.FromContextOrDiscard(ctx).Info("A value that this process did not present stands under the challenge's name and may be replaced",
				"foreignSHA256", dnshost.Fingerprint(foreign))
		}
	}
}
