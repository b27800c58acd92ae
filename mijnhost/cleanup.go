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
	// maxRefusals: a DELETE can be refused because the read is stale, or because of a transient 400.
	maxRefusals  = 5
	refusalPause = time.Second
	// confirmPause is the time between two "not managed" responses that confirm each other.
	confirmPause = 5 * time.Second
)

// CleanUp removes one TXT value. It succeeds if the value does not exist.
//
// It returns a *dnshost.LeftBehindError if the domain has left the account or its nameservers are elsewhere. Other errors are an
// *apiclient.Error, ErrNameInUse or ErrUnseen, and a retry can succeed.
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

// isElsewhere confirms that the domain's nameservers are elsewhere, because "not managed" can be transient.
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

// remove deletes every copy of value in the form in which records show it. After a refusal it reads again, because the value may be
// gone or shown in another form.
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
		set.readStart = time.Now()
		if records, err = set.client.Records(ctx, set.domain); err != nil {
			return err
		}
	}
}

// removeUnseen deletes a value that a read, which can be stale, does not show. Two refusals mean that it does not exist. A value
// that this process sent must also have a successful DELETE or settled reads. An unconfirmed PATCH needs settled reads, because it
// can take effect later.
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

// deleteAll deletes each of the records. refusal is the last "no such record", which also follows a DELETE that removed all copies.
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
