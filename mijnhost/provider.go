package mijnhost

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

const (
	// defaultTTL in seconds is what mijn.host's own plugin sends; the API's minimum is unknown.
	defaultTTL = 60
	// forgetKeyAfter bounds how long an API key that is no longer used stays in memory.
	forgetKeyAfter = 6 * 24 * time.Hour
)

// Provider adds and removes single TXT values in the zones of mijn.host accounts. It is safe for concurrent use;
// challenges for one name take turns.
type Provider struct {
	options Options
	locks   keylock.Locks
	memory  *memory

	mu       sync.Mutex
	accounts map[string]*account // by API key
}

// NewProvider returns a provider that reaches the API as o says.
func NewProvider(o Options) *Provider {
	if o.Needed == nil {
		o.Needed = func(context.Context) (dnshost.Needed, error) { return dnshost.Needed{Unknown: true}, nil }
	}
	return &Provider{options: o, memory: newMemory(), accounts: map[string]*account{}}
}

// account returns what is known of the account of apiKey, and forgets it when the key has not been used for a while.
func (p *Provider) account(apiKey string) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.accounts[apiKey]; ok && known.expiry.Stop() {
		known.expiry.Reset(forgetKeyAfter)
		return known
	}
	known := newAccount(NewClient(p.options, apiKey))
	known.expiry = time.AfterFunc(forgetKeyAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.accounts[apiKey] == known {
			delete(p.accounts, apiKey)
		}
	})
	p.accounts[apiKey] = known
	return known
}

// acquire waits for the turn of r's name. The caller must call release.
func (p *Provider) acquire(ctx context.Context, apiKey string, r dnshost.TXT) (set *rrset, release func(), err error) {
	fqdn := dnsname.FQDN(r.FQDN)
	release, err = p.locks.Acquire(ctx, fqdn)
	if err != nil {
		return nil, nil, ErrNameInUse
	}
	acct := p.account(apiKey)
	return &rrset{account: acct, client: acct.client.counting(), memory: p.memory, name: rrsetName{fqdn: fqdn}}, release, nil
}

// patchAdds reports whether the operator says that PATCH adds values in domain.
func (p *Provider) patchAdds(domain string) bool {
	return slices.ContainsFunc(p.options.PatchAdds, func(d string) bool { return dnsname.ToASCII(d) == dnsname.ToASCII(domain) })
}

func (p *Provider) observeLeftOver() {
	if p.options.Observer != nil {
		p.options.Observer.LeftOverAtRisk()
	}
}
