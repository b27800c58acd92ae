package mijnhost

import (
	"context"
	"slices"
	"strings"
	"time"
)

// place is one name in the zone of one domain, held for one challenge.
type place struct {
	account *account
	client  *Client
	domain  string
	fqdn    string
	*name
}

// hold waits for the name's turn. The caller must call release.
func (p *Provider) hold(ctx context.Context, apiKey, fqdn string) (at *place, release func(), err error) {
	n, release, err := p.values.hold(ctx, fqdn)
	if err != nil {
		return nil, nil, err
	}
	acct := p.account(apiKey)
	return &place{account: acct, client: acct.client, fqdn: fqdn, name: n}, release, nil
}

// zoneSettled tells whether reads show all that this process wrote in the zone, so that what they lack is not there: after
// a write under any name a read can be empty or short (trap 1 of the API's description).
func (at *place) zoneSettled() bool {
	return at.settled() && !at.account.wroteElsewhere(at.domain, at.fqdn)
}

// record is value under the place's absolute name, as it is sent.
func (at *place) record(value string, ttl int) Record {
	return Record{Type: "TXT", Name: at.fqdn, Value: value, TTL: ttl}
}

// texts are the TXT records under the place's name, in the form in which they are shown.
func (at *place) texts(records []Record) []Record {
	var found []Record
	for _, r := range records {
		if strings.EqualFold(r.Type, "TXT") && Canonical(r.Name, at.domain) == at.fqdn {
			found = append(found, r)
		}
	}
	return found
}

// shownValues are the values of the TXT records under the place's name.
func (at *place) shownValues(records []Record) []string {
	var values []string
	for _, r := range at.texts(records) {
		values = append(values, Unquoted(r.Value))
	}
	return values
}

// copies are the records that hold value, unless this process has just removed it: then
// what a read still shows is the zone as it was.
func (at *place) copies(records []Record, value string) []Record {
	if at.removed && at.last == value && !at.settled() {
		return nil
	}
	return slices.DeleteFunc(at.texts(records), func(r Record) bool { return Unquoted(r.Value) != value })
}

// Unquoted is a TXT value without the quotes of zone-file notation, which the API leaves out.
func Unquoted(value string) string {
	if len(value) >= 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
		return value[1 : len(value)-1]
	}
	return value
}

const (
	// awaitFor bounds the wait for a read that shows a write: three such waits and the
	// writes between them fit into the 25 s of a challenge.
	awaitFor   = 6 * time.Second
	awaitPause = time.Second
)

// await reads until all of the wanted values are shown or awaitFor has passed, and
// returns the last read. Its reads are shared with nobody: one that began before a write proves nothing.
func (at *place) await(ctx context.Context, wanted []string) (records []Record, all bool, err error) {
	end := time.Now().Add(awaitFor)
	for {
		if records, err = at.client.Records(ctx, at.domain); err != nil {
			return nil, false, err
		}
		if containsAll(at.shownValues(records), wanted) {
			return records, true, nil
		}
		if time.Now().Add(awaitPause).After(end) || !pause(ctx, awaitPause) {
			return records, false, nil
		}
	}
}

// pause tells whether d has passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func containsAny(all, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool { return slices.Contains(all, w) })
}

func containsAll(all, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(all, w) })
}
