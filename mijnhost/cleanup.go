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
	// maxRefusals: the API can refuse to delete what a read shows, because the read is stale, for a moment, or for a
	// reason of its own.
	maxRefusals  = 5
	refusalPause = time.Second
	// confirmPause is how much later a second answer is a confirmation: some 400s pass.
	confirmPause = 5 * time.Second
)

// CleanUp removes one TXT value and nothing else. It succeeds if the value is not there.
//
// A *dnshost.LeftBehindError: the domain has left the account, or its nameservers are elsewhere. Other errors are an
// *apiclient.Error, ErrNameInUse or ErrUnseen, and the call can be repeated.
func (p *Provider) CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	set, release, err := p.acquire(ctx, apiKey, r)
	if err != nil {
		return dnshost.Result{}, err
	}
	defer release()
	err = set.cleanUp(ctx, r.Zone, r.Value)
	return set.result(), err
}

func (set *rrset) cleanUp(ctx context.Context, zone, value string) error {
	records, err := set.find(ctx, zone)
	if errors.Is(err, ErrNoDomain) || errors.Is(err, ErrNotManaged) && set.isElsewhere(ctx) {
		set.memory.forget(set.name, value)
		return &dnshost.LeftBehindError{Reason: fmt.Errorf("%s cannot be cleaned up: %w", set.name.fqdn, err)}
	}
	if err != nil {
		return err
	}
	if err = set.remove(ctx, records, value); err != nil {
		return err
	}
	set.memory.forget(set.name, value)
	return nil
}

// isElsewhere asks again whether the domain's DNS is elsewhere: the API says so now and then for no reason.
func (set *rrset) isElsewhere(ctx context.Context) bool {
	domain, err := set.client.Domain(ctx, set.domain)
	if err == nil && domain.ManagedDNS != nil {
		return !*domain.ManagedDNS
	}
	if !pause(ctx, confirmPause) {
		return false
	}
	_, err = set.client.Records(ctx, set.domain)
	return errors.Is(err, ErrNotManaged)
}

// remove deletes every copy of value in the form in which records show it. What the API refuses to delete may be gone, or
// shown in another form by now.
func (set *rrset) remove(ctx context.Context, records []Record, value string) error {
	for refusals := 1; ; refusals++ {
		copies := set.copies(records, value)
		if len(copies) == 0 {
			return set.removeUnseen(ctx, value)
		}
		refusal, err := set.deleteAll(ctx, copies, value)
		if err != nil || refusal == nil {
			return err
		}
		if refusals == maxRefusals || !pause(ctx, refusalPause) {
			return refusal
		}
		set.begun = time.Now()
		if records, err = set.client.Records(ctx, set.domain); err != nil {
			return err
		}
	}
}

// removeUnseen deletes value under its absolute name, because the read that does not show it may be stale. The API's
// refusal is believed the second time. For a value that this process sent it takes a DELETE that may have removed it, or settled
// reads; for a PATCH without an answer, which may take effect later, only those.
func (set *rrset) removeUnseen(ctx context.Context, value string) error {
	copies := []Record{set.record(value, 0)}
	refusal, err := set.deleteAll(ctx, copies, value)
	if refusal != nil {
		_, err = set.deleteAll(ctx, copies, value)
	}
	if err != nil {
		return err
	}
	known, sentHere := set.memory.sent(set.name, value)
	deleted, _ := set.memory.removed(set.name, value)
	if !sentHere || known.certain && deleted || set.settled(value) {
		return nil
	}
	return ErrUnseen
}

// deleteAll deletes each of the records. refusal is the API's last "no such record": also if a DELETE removed all copies of
// a record at once, so that the next one found none.
func (set *rrset) deleteAll(ctx context.Context, records []Record, value string) (refusal, err error) {
	for _, r := range records {
		err := set.client.DeleteRecord(ctx, set.domain, r)
		if err == nil || apiclient.MayHaveTakenEffect(err) {
			set.memory.noteDelete(set.name, value, err == nil)
		}
		switch {
		case apiclient.IsRefusal(err):
			refusal = err
		case err != nil:
			return nil, err
		}
	}
	return refusal, nil
}
