package mijnhost

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
)

const (
	// A DELETE that is refused for a record which reads do not show is believed the
	// second time: a 400 now and then passes by itself.
	refusalsBelieved = 2
	refusalsBorne    = 5
	refusalPause     = time.Second
)

// RemoveTXT takes value under fqdn out of the zone, and nothing else. It is success
// if the value is not there, or if the API no longer reaches it because the domain has left the account
// or its nameservers are elsewhere; then a warning names the record left behind.
// zone is the zone of fqdn as public DNS shows it.
//
// Errors are an *Error or ErrNameInUse: what they tell can be mended, and the call be repeated.
func (p *Provider) RemoveTXT(ctx context.Context, apiKey, zone, fqdn, value string) error {
	zone, fqdn = canonical(zone, ""), canonical(fqdn, "")
	at, acct, release, err := p.hold(ctx, apiKey, fqdn)
	if err != nil {
		return err
	}
	defer release()

	var records []Record
	at.domain, records, err = acct.find(ctx, zone, fqdn)
	if errors.Is(err, ErrNoDomain) || errors.Is(err, ErrNotManaged) {
		p.options.Observer.LeftBehind()
		logr.FromContextOrDiscard(ctx).Info("WARNING: a TXT record may be left behind: its domain is out of the API's reach",
			"fqdn", fqdn, "valueSHA256", fingerprint(value), "reason", err.Error())
		at.take(value)
		return nil
	}
	if err == nil {
		err = at.delete(ctx, records, value)
	}
	if err != nil {
		return err
	}
	at.take(value)
	return nil
}

// delete removes every copy of value in the form in which records show it. Where they show none, the
// read may be stale: the value is deleted under its absolute name all the same. A refusal of that is
// no proof of absence while the value is so new that reads need not show it yet.
func (at *place) delete(ctx context.Context, records []Record, value string) error {
	for refusals := 0; ; {
		copies := at.copies(records, value)
		if len(copies) == 0 {
			if refusals >= refusalsBelieved && !at.isNew(value) {
				return nil
			}
			copies = []Record{at.record(value, 0)}
		}
		refusal, err := at.deleteAll(ctx, copies)
		if err != nil || refusal == nil {
			return err
		}
		if refusals++; refusals == refusalsBorne {
			return refusal
		}
		if err := pause(ctx, refusalPause); err != nil {
			return refusal
		}
		if records, err = at.client.Records(ctx, at.domain); err != nil {
			return err
		}
	}
}

// deleteAll deletes each of the records; refusal is the API's last "no such record".
func (at *place) deleteAll(ctx context.Context, records []Record) (refusal, err error) {
	for _, r := range records {
		err := at.client.DeleteRecord(ctx, at.domain, r)
		switch {
		case isRefusal(err):
			refusal = err
		case err != nil:
			return nil, err
		}
	}
	return refusal, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
