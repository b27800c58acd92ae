package mijnhost

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// Present adds one TXT value and changes no other record. It succeeds if the value exists.
//
// PATCH might replace the RRset. Unless Options.PatchAdds lists the domain, Present writes nothing if the RRset has a value that
// another challenge needs (ErrNameInUse), or one that is not from an ACME challenge (ErrForeignTXT).
//
// Other errors are an *apiclient.Error, ErrNoDomain, ErrNotManaged, or that of a Lease.
func (p *Provider) Present(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	set, release, err := p.acquire(ctx, apiKey, r)
	if err != nil {
		return dnshost.Result{}, err
	}
	defer release()
	if r.Delegated && p.options.Leases != nil {
		if set.lease, err = p.options.Leases.Acquire(ctx, "mijn-host "+set.name.fqdn); err != nil {
			return dnshost.Result{}, err
		}
		defer func() { set.lease.Release(set.lease.Notes()) }()
	}
	err = p.present(ctx, set, r.Zone, r.Value, cmp.Or(r.TTL, defaultTTL))
	return set.result(), err
}

func (p *Provider) present(ctx context.Context, set *rrset, zone, value string, ttl int) error {
	records, err := set.find(ctx, zone)
	if err != nil {
		return err
	}
	shown := set.values(records)
	isShown := slices.Contains(shown, value)
	if isShown && set.memory.trusts(set.name, value) {
		return nil
	}
	if !p.patchAdds(set.name.domain) {
		if err := p.checkOthers(ctx, set, shown, value); err != nil {
			return err
		}
	}
	return set.patch(ctx, value, ttl, isShown)
}

// checkOthers returns an error if a PATCH that replaces would lose a value, and reports the leftovers that it would remove.
func (p *Provider) checkOthers(ctx context.Context, set *rrset, shown []string, value string) error {
	sentHere := set.memory.others(set.name, value)
	others := slices.Concat(shown, sentHere)
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(other string) bool { return other == value })
	last := "" // fingerprint of the last value that any process sent; reads might not show it yet
	if set.lease != nil {
		last = set.lease.Notes()
	}
	if len(others) == 0 && (last == "" || last == dnshost.Fingerprint(value)) {
		return nil
	}
	needed, err := p.options.Needed(ctx)
	if err != nil {
		return err
	}
	for other, owner := range needed.Owners {
		if other != value && dnshost.Fingerprint(other) == last {
			return fmt.Errorf("%w: %s", ErrNameInUse, owner)
		}
	}
	var leftOvers []string
	for _, other := range others {
		owner, inUse := needed.Owners[other]
		isShown := slices.Contains(shown, other)
		switch {
		case inUse:
			return fmt.Errorf("%w: %s", ErrNameInUse, owner)
		case needed.Unknown && slices.Contains(sentHere, other) && (isShown || !set.settled(other)):
			return ErrNameInUse
		case !isShown:
			set.memory.forget(set.name, other) // another process cleaned it up
		case acmeValue.MatchString(other) || slices.Contains(sentHere, other):
			leftOvers = append(leftOvers, other)
		default:
			return fmt.Errorf("%w: %s has %s", ErrForeignTXT, set.name.fqdn, kindOf(other))
		}
	}
	for _, leftOver := range leftOvers {
		if p.options.Observer != nil {
			p.options.Observer.LeftOverAtRisk()
		}
		logr.FromContextOrDiscard(ctx).Info("Leftover TXT value under the challenge's name may be replaced", "leftOverSHA256", dnshost.Fingerprint(leftOver))
	}
	return nil
}

// acmeValue matches a DNS-01 value: a SHA-256 in base64url without padding (RFC 8555, section 8.4).
var acmeValue = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// kindOf describes a TXT value without showing it.
func kindOf(value string) string {
	switch lower := strings.ToLower(value); {
	case strings.HasPrefix(lower, "v=spf1"):
		return "an SPF record"
	case strings.HasPrefix(lower, "v=dmarc1"):
		return "a DMARC record"
	case strings.HasPrefix(lower, "v=dkim1"):
		return "a DKIM record"
	case strings.Contains(lower, "verif"):
		return "a domain verification record"
	default:
		return "a TXT record that is not from an ACME challenge"
	}
}

// patch sends one value, and remembers it unless it certainly had no effect.
func (set *rrset) patch(ctx context.Context, value string, ttl int, isShown bool) error {
	if set.lease != nil {
		if err := set.lease.Renew(ctx, dnshost.Fingerprint(value)); err != nil {
			return err
		}
	}
	err := set.client.PatchRecord(ctx, set.domain, set.record(value, ttl))
	if err == nil || apiclient.MayHaveTakenEffect(err) {
		set.memory.notePatch(set.name, value, err == nil)
	}
	if _, sent := set.memory.sent(set.name, value); !apiclient.IsRefusal(err) || !sent && !isShown {
		return err
	}
	// The refusal can mean "already exists": another process wrote the value, or an earlier response was lost.
	records, readErr := set.client.Records(ctx, set.domain)
	if readErr != nil || !slices.Contains(set.values(records), value) {
		return err
	}
	set.memory.notePatch(set.name, value, true)
	return nil
}
