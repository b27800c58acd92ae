package mijnhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// rememberDomain is how long a domain that had to be searched for is believed to hold a name. A clean-up finds
// it again, and a domain that the account gains or loses is not overlooked for long.
const rememberDomain = 10 * time.Minute

// account is what this process knows of one API key's account: how to call it, the
// reads under way, which domain holds which name, and when it wrote into which domain.
type account struct {
	client *Client
	reads  singleflight.Group

	mu    sync.Mutex
	found map[string]found // by FQDN, where the domain is not the zone that cert-manager resolved
	wrote map[written]time.Time
}

// written is a name under which this process has written, or tried to.
type written struct{ domain, fqdn string }

// found is a domain that a search has led to.
type found struct {
	domain string
	at     time.Time
}

func newAccount(client *Client) *account {
	return &account{client: client, found: map[string]found{}, wrote: map[written]time.Time{}}
}

// find returns the domain of the account whose zone holds fqdn, and its records:
// the zone that cert-manager resolved if the account has it, else the longest domain that
// covers the name. Reading the records is the test, so that the usual case costs
// one call. The answer may be shared with other challenges that ask at the same moment.
func (a *account) find(ctx context.Context, zone, fqdn string) (domain string, records []Record, err error) {
	domain = a.remembered(zone, fqdn)
	records, err = a.sharedRecords(ctx, domain)
	if !IsRefusal(err) && !errors.Is(err, errNotADomain) || errors.Is(err, ErrNotManaged) {
		return domain, records, err
	}
	// A 400 is an unknown domain, or one of the 400s that pass by themselves; and a zone can
	// be a top-level domain, which is never asked for. The list of domains tells.
	domains, err := a.sharedDomains(ctx)
	if err != nil {
		return "", nil, err
	}
	domain = Bare(zone)
	if !slices.ContainsFunc(domains, func(d string) bool { return Bare(d) == domain }) {
		if domain = Covering(domains, fqdn); domain == "" {
			return "", nil, fmt.Errorf("%w: %s", ErrNoDomain, fqdn)
		}
	}
	records, err = a.sharedRecords(ctx, domain)
	if err != nil {
		return domain, nil, err
	}
	a.remember(fqdn, domain)
	return domain, records, nil
}

func (a *account) remembered(zone, fqdn string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, ok := a.found[fqdn]; ok && time.Since(f.at) < rememberDomain {
		return f.domain
	}
	return Bare(zone)
}

func (a *account) remember(fqdn, domain string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(a.found, func(_ string, f found) bool { return now.Sub(f.at) >= rememberDomain })
	a.found[fqdn] = found{domain, now}
}

// noteWrite notes that a write has just ended, well or not.
func (a *account) noteWrite(domain, fqdn string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(a.wrote, func(_ written, at time.Time) bool { return now.Sub(at) > staleReads })
	a.wrote[written{domain, fqdn}] = now
}

// wroteElsewhere tells whether this process has of late written into domain under another name than fqdn.
func (a *account) wroteElsewhere(domain, fqdn string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w, at := range a.wrote {
		if w.domain == domain && w.fqdn != fqdn && time.Since(at) <= staleReads {
			return true
		}
	}
	return false
}

// sharedRecords is Client.Records for all who ask at the same moment.
func (a *account) sharedRecords(ctx context.Context, domain string) ([]Record, error) {
	return shared(ctx, &a.reads, OpReadRecords, domain, func(ctx context.Context) ([]Record, error) {
		return a.client.Records(ctx, domain)
	})
}

// sharedDomains is Client.ListDomains for all who ask at the same moment.
func (a *account) sharedDomains(ctx context.Context) ([]string, error) {
	return shared(ctx, &a.reads, OpListDomains, "", a.client.ListDomains)
}

// shared runs read once for all callers who ask for the same thing while it runs. The read has the
// deadline of the first who asked and outlives that caller, so that the others lose nothing by its end; where
// it fails for want of time, whoever has more time asks again.
func shared[T any](ctx context.Context, group *singleflight.Group, op Operation, what string, read func(context.Context) (T, error)) (T, error) {
	for {
		answers := group.DoChan(string(op)+" "+what, func() (any, error) {
			readCtx, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
			if deadline, ok := ctx.Deadline(); ok {
				readCtx, cancel = context.WithDeadline(readCtx, deadline)
			}
			defer cancel()
			return read(readCtx)
		})
		select {
		case answer := <-answers:
			if mayPass(answer.Err) && timeLeft(ctx) > attemptTimeout {
				continue
			}
			value, _ := answer.Val.(T) // none with an error
			return value, answer.Err
		case <-ctx.Done():
			var none T
			return none, unreachable(op, ctx.Err())
		}
	}
}
