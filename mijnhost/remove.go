package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/outcome"
)

const (
	// A DELETE that is refused for a record which reads do not show is believed the
	// second time: a 400 now and then passes by itself.
	refusalsBelieved = 2
	// A DELETE that is refused for a record which reads do show is borne that often:
	// the reads may be stale, or the API has a reason of its own.
	refusalsBorne = 5
	refusalPause  = time.Second
)

// RemoveTXT takes value under fqdn out of the zone, and nothing else. It is success
// if the value is not there, or if the API no longer reaches it because the domain has left the account
// or its nameservers are elsewhere; then the outcome of ctx notes that a record may be left behind.
// zone is the zone of fqdn as public DNS shows it. A value of another challenge that PATCH had replaced is put back.
//
// Errors are an *Error, ErrNameInUse or ErrUnseen: what they tell can be mended, and the call be repeated.
func (p *Provider) RemoveTXT(ctx context.Context, apiKey, zone, fqdn, value string) error {
	zone, fqdn = Canonical(zone, ""), Canonical(fqdn, "")
	at, release, err := p.hold(ctx, apiKey, fqdn)
	if err != nil {
		return err
	}
	defer release()

	var records []Record
	at.domain, records, err = at.account.find(ctx, zone, fqdn)
	if errors.Is(err, ErrNoDomain) || errors.Is(err, ErrNotManaged) {
		outcome.From(ctx).GiveUp(fmt.Errorf("%s is out of the API's reach: %w", fqdn, err))
		at.take(value)
		return nil
	}
	if err != nil {
		return err
	}
	outcome.From(ctx).SetDomain(at.domain)
	if err := at.delete(ctx, records, value); err != nil {
		at.disturb()
		return err
	}
	at.take(value)
	if err := p.putBackLost(ctx, at, value); !IsRefusal(err) {
		return err
	}
	return nil // The other challenge hears of the refusal itself; this one is done.
}

// delete removes every copy of value, in the form in which records show it. Where they
// show none the read may be stale, and the value is deleted under its absolute name all the same.
func (at *place) delete(ctx context.Context, records []Record, value string) error {
	if copies := at.copies(records, value); len(copies) > 0 {
		return at.deleteAs(ctx, copies, value)
	}
	unseen := []Record{at.record(value, 0)}
	if _, live := at.live[value]; live || at.tried[value] {
		return at.deleteUnseen(ctx, unseen, value)
	}
	return at.deleteAs(ctx, unseen, value)
}

// deleteUnseen removes a value that this process has sent and that a read does not show, nor in which form
// it must be named. A DELETE that succeeded, and is refused from then on, has removed it; anything else
// is no proof until reads had the time to show it.
func (at *place) deleteUnseen(ctx context.Context, unseen []Record, value string) error {
	succeeded, refused := 0, 0
	for succeeded < 2 && refused < refusalsBelieved {
		refusal, err := at.deleteAll(ctx, unseen)
		switch {
		case err != nil:
			return err
		case refusal == nil:
			succeeded++
		default:
			refused++
		}
	}
	if succeeded == 1 {
		return nil
	}
	records, shown, err := at.await(ctx, []string{value})
	switch {
	case err != nil:
		return err
	case shown:
		return at.deleteAs(ctx, at.copies(records, value), value)
	case at.zoneSettled():
		return nil // somebody else has removed it
	default:
		return ErrUnseen
	}
}

// deleteAs removes copies. What the API refuses it shows no longer, or shows in another form, or refuses
// for a moment only.
func (at *place) deleteAs(ctx context.Context, copies []Record, value string) error {
	unseen := false
	for refusals := 1; ; refusals++ {
		refusal, err := at.deleteAll(ctx, copies)
		switch {
		case err != nil || refusal == nil:
			return err
		case unseen && refusals >= refusalsBelieved:
			return nil
		case refusals == refusalsBorne || !pause(ctx, refusalPause):
			return refusal
		}
		records, err := at.client.Records(ctx, at.domain)
		if err != nil {
			return err
		}
		shown := at.copies(records, value)
		if unseen = len(shown) == 0; !unseen {
			copies = shown
		}
	}
}

// deleteAll deletes each of the records. refusal is the API's last "no such record": also where a DELETE has removed
// all copies of a record at once, so that the next one found none.
func (at *place) deleteAll(ctx context.Context, records []Record) (refusal, err error) {
	for _, r := range records {
		err := at.client.DeleteRecord(ctx, at.domain, r)
		at.account.noteWrite(at.domain, at.fqdn)
		switch {
		case IsRefusal(err):
			refusal = err
		case err != nil:
			return nil, err
		}
	}
	return refusal, nil
}
