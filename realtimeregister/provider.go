package realtimeregister

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// TTLs of records, in seconds. The API documents the bounds for zones.
const (
	MinTTL     = 60
	MaxTTL     = 2419200
	defaultTTL = 300
)

// Services returns the kinds of zones. A name can have one zone of each.
func Services() []string { return []string{"BASIC", "PREMIUM"} }

// Leases prevent concurrent writes to a zone by other processes.
type Leases interface {
	// Acquire waits for the Lease of a key. It returns the error of ctx, or one with a constant text.
	Acquire(ctx context.Context, key string) (keylock.Lease, error)
}

// Provider adds and removes TXT values in zones at Realtime Register. It is safe for concurrent use.
type Provider struct {
	options  Options
	turns    keylock.Locks
	memories memories

	mu        sync.Mutex
	accounts  map[string]*account // by API key
	gathering map[gatheringKey]*batch
}

// gatheringKey: calls with the same account and zone can share a round.
type gatheringKey struct {
	account *account
	zone    ref
}

// NewProvider returns a Provider.
func NewProvider(o Options) *Provider {
	return &Provider{options: o, memories: newMemories(), accounts: map[string]*account{}, gathering: map[gatheringKey]*batch{}}
}

// maxAccounts limits the memory for keys, because rotated keys accumulate.
const maxAccounts = 1000

func (p *Provider) account(apiKey string) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.accounts[apiKey]
	if !ok {
		if len(p.accounts) >= maxAccounts {
			clear(p.accounts) // calls in progress keep theirs
		}
		known = newAccount(NewClient(p.options, apiKey))
		p.accounts[apiKey] = known
	}
	return known
}

// Present adds one TXT value to the zone that covers its name, and changes no other record. It succeeds if the value exists.
func (p *Provider) Present(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	result, _, err := p.answer(ctx, apiKey, r, true)
	return result, err
}

// CleanUp removes one TXT value, and changes no other record. It succeeds if the value does not exist. It returns a
// *dnshost.LeftBehindError if the zone no longer exists, or must not be written.
func (p *Provider) CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error) {
	result, zones, err := p.answer(ctx, apiKey, r, false)
	if errors.Is(err, ErrAmbiguous) {
		return p.cleanUpEach(ctx, apiKey, r, zones, result)
	}
	if errors.Is(err, ErrNoZone) || errors.Is(err, errGone) {
		err = &dnshost.LeftBehindError{Reason: fmt.Errorf("%s is out of reach: %w", r.FQDN, err)}
	}
	return result, err
}

// cleanUpEach removes the value from all zones of one name. The Challenge has a copy of the Issuer's config, so setting
// service there now would not help.
func (p *Provider) cleanUpEach(ctx context.Context, apiKey string, r dnshost.TXT, zones []ref, total dnshost.Result) (dnshost.Result, error) {
	var failure error
	for _, zone := range zones {
		result, err := p.join(ctx, p.account(apiKey), zone, newRequest(r, false))
		total.Domain, total.Calls, total.Shared = result.Domain, total.Calls+result.Calls, max(total.Shared, result.Shared)
		if failure == nil {
			failure = err
		}
	}
	return total, failure
}

// answer finds the zone and joins its next round. If a remembered zone no longer exists, it searches again.
func (p *Provider) answer(ctx context.Context, apiKey string, r dnshost.TXT, present bool) (dnshost.Result, []ref, error) {
	account := p.account(apiKey)
	client := account.client.counting()
	for again := false; ; again = true {
		zones, err := account.find(ctx, client, r.Zone, r.FQDN, r.Service, p.memories.learnListed)
		if err != nil {
			return dnshost.Result{Calls: int(client.calls.Load())}, zones, err
		}
		result, err := p.join(ctx, account, zones[0], newRequest(r, present))
		result.Calls += int(client.calls.Load())
		if errors.Is(err, errGone) {
			account.forget(zones[0])
			if !again {
				continue
			}
		}
		return result, zones, err
	}
}

// request is a value to add or remove.
type request struct {
	entry   entry
	present bool
	ttl     json.RawMessage
}

func newRequest(r dnshost.TXT, present bool) request {
	ttl := r.TTL
	if ttl == 0 {
		ttl = defaultTTL
	}
	return request{entry{dnsname.TrimDot(r.FQDN), r.Value}, present, json.RawMessage(strconv.Itoa(ttl))}
}
