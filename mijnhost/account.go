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

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
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
func (a *account) find(ctx context.Context, client *Client, zone, fqdn string) (domain string, records []Record, err error) {
	domain = a.remembered(zone, fqdn)
	records, err = a.sharedRecords(ctx, client, domain)
	if !apiclient.IsRefusal(err) && !errors.Is(err, errNotADomain) || errors.Is(err, ErrNotManaged) {
		return domain, records, err
	}
	// A 400 is an unknown domain, or one of the 400s that pass by themselves; and a zone can
	// be a top-level domain, which is never asked for. The list of domains tells.
	domains, err := a.sharedDomains(ctx, client)
	if err != nil {
		return "", nil, err
	}
	domain = dnsname.TrimDot(zone)
	if !slices.ContainsFunc(domains, func(d string) bool { return dnsname.TrimDot(d) == domain }) {
		if domain = dnsname.LongestMatch(domains, fqdn); domain == "" {
			return "", nil, fmt.Errorf("%w: %s", ErrNoDomain, fqdn)
		}
	}
	records, err = a.sharedRecords(ctx, client, domain)
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
	return dnsname.TrimDot(zone)
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
func (a *account) sharedRecords(ctx context.Context, client *Client, domain string) ([]Record, error) {
	return shared(ctx, &a.reads, "records "+domain, func(ctx context.Context) ([]Record, error) {
		return client.Records(ctx, domain)
	})
}

// sharedDomains is Client.ListDomains for all who ask at the same moment.
func (a *account) sharedDomains(ctx context.Context, client *Client) ([]string, error) {
	return shared(ctx, &a.reads, "domains", client.ListDomains)
}

// oneAttempt is the time that one attempt of a call can take.
const oneAttempt = 8 * time.Second

// shared runs read once for all callers who ask for the same thing while it runs. The read has the deadline of the
// first who asked and outlives that caller. If it fails for want of time, a caller with more time asks once more.
func shared[T any](ctx context.Context, group *singleflight.Group, key string, read func(context.Context) (T, error)) (T, error) {
	ask := func() (T, error) {
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
			return none, apiclient.NoAnswer("mijn.host", ctx.Err())
		}
	}
	value, err := ask()
	if deadline, ok := ctx.Deadline(); apiclient.IsRetryable(err) && (!ok || time.Until(deadline) > oneAttempt) {
		return ask()
	}
	return value, err
}
