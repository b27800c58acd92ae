package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// rrset is the TXT RRset of one name, locked for one challenge.
type rrset struct {
	account   *account
	client    *Client // counts the calls of this challenge
	memory    *memory
	name      rrsetName     // find sets the domain
	domain    string        // in the form in which the account lists it
	readStart time.Time     // of the last read
	lease     keylock.Lease // nil unless the name is the target of a CNAME
}

// find finds the domain that contains the name, and returns its records.
func (set *rrset) find(ctx context.Context, zone string) ([]Record, error) {
	set.readStart = time.Now()
	domain, records, err := set.account.find(ctx, set.client, dnsname.TrimDot(zone), set.name.fqdn)
	if err == nil || errors.Is(err, ErrNotManaged) {
		set.domain, set.name.domain = domain, dnsname.ToASCII(domain)
	}
	if errors.Is(err, ErrAddressRefused) {
		if address, whoErr := set.client.WhoAmI(ctx); whoErr == nil && address != "" {
			err = fmt.Errorf("%w; the address is %s", err, address)
		}
	}
	return records, err
}

func (set *rrset) result() dnshost.Result {
	return dnshost.Result{Domain: set.domain, Calls: int(set.client.calls.Load())}
}

// settled reports whether the last read shows value if it exists.
func (set *rrset) settled(value string) bool {
	return set.memory.settled(set.name, value, set.readStart)
}

// record returns the record to send for value, with the absolute name.
func (set *rrset) record(value string, ttl int) Record {
	return Record{Type: "TXT", Name: set.name.fqdn, Value: value, TTL: ttl}
}

// texts returns the TXT records under the name, unchanged.
func (set *rrset) texts(records []Record) []Record {
	var found []Record
	for _, r := range records {
		if strings.EqualFold(r.Type, "TXT") && dnsname.ToASCII(dnsname.Qualify(r.Name, set.domain)) == dnsname.TrimDot(set.name.fqdn) {
			found = append(found, r)
		}
	}
	return found
}

// values returns the values of the TXT records under the name.
func (set *rrset) values(records []Record) []string {
	var values []string
	for _, r := range set.texts(records) {
		values = append(values, Unquoted(r.Value))
	}
	return values
}

// copies returns the records with value. It returns none if this process has just removed value: then the read is stale.
func (set *rrset) copies(records []Record, value string) []Record {
	if _, certain := set.memory.removed(set.name, value); certain {
		return nil
	}
	return slices.DeleteFunc(set.texts(records), func(r Record) bool { return Unquoted(r.Value) != value })
}

// Unquoted returns a TXT value without the quotes of zone-file notation, which the API omits.
func Unquoted(value string) string {
	if len(value) >= 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
		return value[1 : len(value)-1]
	}
	return value
}

// pause sleeps, and reports whether d passed before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
