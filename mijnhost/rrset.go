package mijnhost

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// rrset is the TXT RRset of one name in the zone of one domain, held for one challenge.
type rrset struct {
	account *account
	client  *Client // counts the calls of this challenge
	domain  string  // found by Present and CleanUp
	fqdn    string
	history *history
}

// find finds the domain that has the name, and returns its records.
func (set *rrset) find(ctx context.Context, zone string) ([]Record, error) {
	domain, records, err := set.account.find(ctx, set.client, zone, set.fqdn)
	if err == nil {
		set.domain = domain
	}
	return records, err
}

// result is what was learned on the way.
func (set *rrset) result() dnshost.Result {
	return dnshost.Result{Domain: set.domain, Calls: int(set.client.calls.Load())}
}

// zoneSettled reports whether reads show all that this process wrote in the zone, so that what they lack is not there: after
// a write under any name a read can be empty or short (trap 1 of the API's description).
func (set *rrset) zoneSettled() bool {
	return set.history.settled() && !set.account.wroteElsewhere(set.domain, set.fqdn)
}

// record is value under the absolute name, as it is sent.
func (set *rrset) record(value string, ttl int) Record {
	return Record{Type: "TXT", Name: set.fqdn, Value: value, TTL: ttl}
}

// texts are the TXT records under the name, in the form in which they are shown.
func (set *rrset) texts(records []Record) []Record {
	var found []Record
	for _, r := range records {
		if strings.EqualFold(r.Type, "TXT") && dnsname.Qualify(r.Name, set.domain) == set.fqdn {
			found = append(found, r)
		}
	}
	return found
}

// shownValues are the values of the TXT records under the name.
func (set *rrset) shownValues(records []Record) []string {
	var values []string
	for _, r := range set.texts(records) {
		values = append(values, Unquoted(r.Value))
	}
	return values
}

// copies are the records that hold value, unless this process has just removed it: then
// what a read still shows is the zone as it was.
func (set *rrset) copies(records []Record, value string) []Record {
	if set.history.removed && set.history.last == value && !set.history.settled() {
		return nil
	}
	return slices.DeleteFunc(set.texts(records), func(r Record) bool { return Unquoted(r.Value) != value })
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
// returns the last read. Its reads are not shared: one that began before a write proves nothing.
func (set *rrset) await(ctx context.Context, wanted []string) (records []Record, all bool, err error) {
	end := time.Now().Add(awaitFor)
	for {
		if records, err = set.client.Records(ctx, set.domain); err != nil {
			return nil, false, err
		}
		if containsAll(set.shownValues(records), wanted) {
			return records, true, nil
		}
		if time.Now().Add(awaitPause).After(end) || !pause(ctx, awaitPause) {
			return records, false, nil
		}
	}
}

// pause reports whether d passed before ctx ended.
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
