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

// rememberDomain is how long the result of a search for a domain is kept: long enough for the clean-up, and short enough to notice
// changes of the account.
const rememberDomain = 10 * time.Minute

// account is the state of one API key.
type account struct {
	client *Client
	reads  singleflight.Group
	expiry *time.Timer

	mu    sync.Mutex
	found map[string]found // by FQDN, if the domain is not the zone that cert-manager resolved
}

type found struct {
	domain string
	at     time.Time
}

func newAccount(client *Client) *account {
	return &account{client: client, found: map[string]found{}}
}

// find returns the domain of the account that contains fqdn, and its records: the zone that cert-manager resolved, else the longest
// matching domain. It reads the records first, so that the usual case takes one call. Concurrent challenges share the reads. If
// the read fails, domain is set beside the error.
func (a *account) find(ctx context.Context, client *Client, zone, fqdn string) (domain string, records []Record, err error) {
	read := func(domain string) ([]Record, error) {
		return apiclient.Share(ctx, &a.reads, hostName, "records "+domain, func(ctx context.Context) ([]Record, error) { return client.Records(ctx, domain) })
	}
	domain = a.remembered(zone, fqdn)
	records, err = read(domain)
	if !isUnknownDomain(err) {
		return domain, records, err
	}
	// A 400 can also be transient, and a zone can be a top-level domain, for which no call is made.
	domains, err := apiclient.Share(ctx, &a.reads, hostName, "domains", client.ListDomains)
	if err != nil {
		return "", nil, err
	}
	for _, candidate := range candidates(domains, zone, fqdn) {
		records, err = read(candidate)
		if !isUnknownDomain(err) {
			if err == nil {
				a.remember(fqdn, candidate)
			}
			return candidate, records, err
		}
	}
	if err != nil && dnsname.LongestMatch(domains, fqdn) != "" {
		return "", nil, err
	}
	return "", nil, fmt.Errorf("%w: %s", ErrNoDomain, fqdn)
}

// candidates returns the domains to try, in the form in which the account lists them. The list can be truncated. Without a match,
// each parent of the name is a candidate, the longest first.
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

// isUnknownDomain reports whether the account might not have the domain.
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
