package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// rememberDomain is how long a domain that had to be searched for is believed to hold a name. A clean-up finds
// it again, and a domain that the account gains or loses is not overlooked for long.
const rememberDomain = 10 * time.Minute

// account is what this process knows of one API key's account: how to call it, the reads under way, and which domain
// has which name.
type account struct {
	client *Client
	reads  singleflight.Group
	expiry *time.Timer

	mu    sync.Mutex
	found map[string]found // by FQDN, if the domain is not the zone that cert-manager resolved
}

// found is a domain that a search led to.
type found struct {
	domain string
	at     time.Time
}

func newAccount(client *Client) *account {
	return &account{client: client, found: map[string]found{}}
}

// find returns the domain of the account whose zone holds fqdn, and its records: the zone that cert-manager resolved if
// the account has it, else the longest domain that covers the name. Reading the records is the test, so that the usual
// case costs one call. The answer may be shared with other challenges that ask at the same moment. domain is set beside an
// error of its own records.
func (a *account) find(ctx context.Context, client *Client, zone, fqdn string) (domain string, records []Record, err error) {
	domain = a.remembered(zone, fqdn)
	records, err = a.sharedRecords(ctx, client, domain)
	if !isUnknownDomain(err) {
		return domain, records, err
	}
	// A 400 is an unknown domain, or passes; and a zone can be a top-level domain, which is never asked for.
	domains, err := a.sharedDomains(ctx, client)
	if err != nil {
		return "", nil, err
	}
	for _, candidate := range candidates(domains, zone, fqdn) {
		records, err = a.sharedRecords(ctx, client, candidate)
		if !isUnknownDomain(err) {
			if err == nil {
				a.remember(fqdn, candidate)
			}
			return candidate, records, err
		}
	}
	if err != nil && len(domains) > 0 && dnsname.LongestMatch(domains, fqdn) != "" {
		return "", nil, err
	}
	return "", nil, fmt.Errorf("%w: %s", ErrNoDomain, fqdn)
}

// candidates are the domains to ask for, in the form in which they are listed: the one that has the name. The list can be cut short, so that without one
// every parent of the name is a candidate, the longest first.
func candidates(domains []string, zone, fqdn string) []string {
	if i := slices.IndexFunc(domains, func(d string) bool { return dnsname.ToASCII(d) == zone }); i >= 0 {
		return []string{strings.TrimSuffix(domains[i], ".")}
	}
	if match := dnsname.LongestMatch(domains, fqdn); match != "" {
		return []string{match}
	}
	var parents []string
	for parent := dnsname.Parent(fqdn); dnsname.IsDomain(parent); parent = dnsname.Parent(parent) {
		parents = append(parents, parent)
	}
	return parents
}

// isUnknownDomain reports whether the API may not know the domain. That its DNS is elsewhere says that it does.
func isUnknownDomain(err error) bool {
	return (apiclient.IsRefusal(err) || errors.Is(err, errNotADomain)) && !errors.Is(err, ErrNotManaged)
}

func (a *account) remembered(zone, fqdn string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, ok := a.found[fqdn]; ok && time.Since(f.at) < rememberDomain {
		return f.domain
	}
	return zone
}

func (a *account) remember(fqdn, domain string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(a.found, func(_ string, f found) bool { return now.Sub(f.at) >= rememberDomain })
	a.found[fqdn] = found{domain, now}
}

// sharedRecords is Client.Records for all who ask at the same moment.
func (a *account) sharedRecords(ctx context.Context, client *Client, domain string) ([]Record, error) {
	return apiclient.Share(ctx, &a.reads, hostName, "records "+domain, func(ctx context.Context) ([]Record, error) {
		return client.Records(ctx, domain)
	})
}

// sharedDomains is Client.ListDomains for all who ask at the same moment.
func (a *account) sharedDomains(ctx context.Context, client *Client) ([]string, error) {
	return apiclient.Share(ctx, &a.reads, hostName, "domains", client.ListDomains)
}
