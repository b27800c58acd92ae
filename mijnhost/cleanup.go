package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
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

// CleanUp removes one TXT value and nothing else. It succeeds if the value is not there. The value of another challenge
// that PATCH had replaced is put back.
//
// A *dnshost.LeftBehindError: the domain has left the account, or its nameservers are elsewhere. Other errors are an
// *apiclient.Error, ErrNameInUse or ErrUnseen, and the call can be repeated.
func (p *Provider) CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	set, release, err := p.acquire(ctx, apiKey, r)
	if err != nil {
		return dnshost.Result{}, err
	}
	defer release()
	err = p.cleanUp(ctx, set, r.Zone, r.Value)
	return set.result(), err
}

func (p *Provider) cleanUp(ctx context.Context, set *rrset, zone, value string) error {
	records, err := set.find(ctx, zone)
	if errors.Is(err, ErrNoDomain) || errors.Is(err, ErrNotManaged) {
		set.history.markRemoved(value)
		return &dnshost.LeftBehindError{Reason: fmt.Errorf("%s is out of the API's reach: %w", set.fqdn, err)}
	}
	if err != nil {
		return err
	}
	if err := set.delete(ctx, records, value); err != nil {
		set.history.markUncertain()
		return err
	}
	set.history.markRemoved(value)
	if err := p.putBackLost(ctx, set, value); !apiclient.IsRefusal(err) {
		return err
	}
	return nil // The other challenge hears of the refusal itself; this one is done.
}

// delete removes every copy of value, in the form in which records show it. Where they
// show none the read may be stale, and the value is deleted under its absolute name all the same.
func (set *rrset) delete(ctx context.Context, records []Record, value string) error {
	if copies := set.copies(records, value); len(copies) > 0 {
		return set.deleteAs(ctx, copies, value)
	}
	unseen := []Record{set.record(value, 0)}
	if _, live := set.history.live[value]; live || set.history.uncertain[value] {
		return set.deleteUnseen(ctx, unseen, value)
	}
	return set.deleteAs(ctx, unseen, value)
}

// deleteUnseen removes a value that this process has sent and that a read does not show, nor in which form
// it must be named. A DELETE that succeeded, and is refused from then on, has removed it; anything else
// is no proof until reads had the time to show it.
func (set *rrset) deleteUnseen(ctx context.Context, unseen []Record, value string) error {
	succeeded, refused := 0, 0
	for succeeded < 2 && refused < refusalsBelieved {
		refusal, err := set.deleteAll(ctx, unseen)
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
	records, shown, err := set.await(ctx, []string{value})
	switch {
	case err != nil:
		return err
	case shown:
		return set.deleteAs(ctx, set.copies(records, value), value)
	case set.zoneSettled():
		return nil // somebody else has removed it
	default:
		return ErrUnseen
	}
}

// deleteAs removes copies. What the API refuses it shows no longer, or shows in another form, or refuses
// for a moment only.
func (set *rrset) deleteAs(ctx context.Context, copies []Record, value string) error {
	unseen := false
	for refusals := 1; ; refusals++ {
		refusal, err := set.deleteAll(ctx, copies)
		switch {
		case err != nil || refusal == nil:
			return err
		case unseen && refusals >= refusalsBelieved:
			return nil
		case refusals == refusalsBorne || !pause(ctx, refusalPause):
			return refusal
		}
		records, err := set.client.Records(ctx, set.domain)
		if err != nil {
			return err
		}
		shown := set.copies(records, value)
		if unseen = len(shown) == 0; !unseen {
			copies = shown
		}
	}
}

// deleteAll deletes each of the records. refusal is the API's last "no such record": also where a DELETE has removed
// all copies of a record at once, so that the next one found none.
func (set *rrset) deleteAll(ctx context.Context, records []Record) (refusal, err error) {
	for _, r := range records {
		err := set.client.DeleteRecord(ctx, set.domain, r)
		set.account.noteWrite(set.domain, set.fqdn)
		switch {
		case apiclient.IsRefusal(err):
			refusal = err
		case err != nil:
			return nil, err
		}
	}
	return refusal, nil
}
