package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/singleflight"
)

// account is what this process knows of one API key's account: how to call it, the
// reads under way, and which domain answers for which zone.
type account struct {
	client *Client
	reads  singleflight.Group

	mu      sync.Mutex
	domains map[string]string // zone as cert-manager resolved it → domain of the account
}

func newAccount(client *Client) *account {
	return &account{client: client, domains: map[string]string{}}
}

// find returns the domain of the account whose zone holds fqdn, and its records:
// the zone that cert-manager resolved if the account has it, else the longest domain that
// covers the name. Reading the records is the test, so that the usual case costs
// one call. The answer may be shared with other challenges that ask at the same moment.
func (a *account) find(ctx context.Context, zone, fqdn string) (domain string, records []Record, err error) {
	domain = a.remembered(zone)
	records, err = a.sharedRecords(ctx, domain)
	if !isRefusal(err) && !errors.Is(err, errNotADomain) || errors.Is(err, ErrNotManaged) {
		return domain, records, err
	}
	// A 400 is an unknown domain, or one of the 400s that pass by themselves; and a zone can
	// be a top-level domain, which is never asked for. The list of domains tells.
	domains, err := a.sharedDomains(ctx)
	if err != nil {
		return "", nil, err
	}
	domain = bare(zone)
	if !slices.ContainsFunc(domains, func(d string) bool { return bare(d) == domain }) {
		var covered bool
		if domain, covered = covering(domains, fqdn); !covered {
			return "", nil, fmt.Errorf("%w: %s", ErrNoDomain, fqdn)
		}
	}
	records, err = a.sharedRecords(ctx, domain)
	if err != nil {
		return domain, nil, err
	}
	a.remember(zone, domain)
	return domain, records, nil
}

func (a *account) remembered(zone string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if domain, ok := a.domains[zone]; ok {
		return domain
	}
	return bare(zone)
}

func (a *account) remember(zone, domain string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.domains[zone] = domain
}

// sharedRecords is Client.Records for all who ask at the same moment.
func (a *account) sharedRecords(ctx context.Context, domain string) ([]Record, error) {
	return shared(ctx, &a.reads, "records of "+domain, func(ctx context.Context) ([]Record, error) {
		return a.client.Records(ctx, domain)
	})
}

// sharedDomains is Client.ListDomains for all who ask at the same moment.
func (a *account) sharedDomains(ctx context.Context) ([]string, error) {
	return shared(ctx, &a.reads, "domains", a.client.ListDomains)
}

// shared runs read once for all callers who ask for the same thing while it runs. The read has the
// deadline of the first who asked and outlives that caller, so that the others lose nothing by its end.
func shared[T any](ctx context.Context, group *singleflight.Group, key string, read func(context.Context) (T, error)) (T, error) {
	answers := group.DoChan(key, func() (any, error) {
		readCtx, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok {
			readCtx, cancel = context.WithDeadline(readCtx, deadline)
		}
		defer cancel()
		return read(readCtx)
	})
	select {
	case answer := <-answers:
		value, _ := answer.Val.(T) // none with an error
		return value, answer.Err
	case <-ctx.Done():
		var none T
		return none, unreachable(OpReadRecords, ctx.Err())
	}
}
