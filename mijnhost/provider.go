// Package mijnhost adds and removes single TXT values at mijn.host through its API (v2).
//
// It cannot harm a zone: it writes one record with PATCH and removes one with DELETE. It never sends PUT, which replaces the whole
// zone, and never writes back what it has read.
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
	// defaultTTL in seconds is that of mijn.host's own plugin; the API's minimum is unknown.
	defaultTTL = 60
	// forgetKeyAfter is how long an unused API key stays in memory.
	forgetKeyAfter = 6 * 24 * time.Hour
)

// Provider adds and removes single TXT values in the zones of mijn.host accounts. It is safe for concurrent use; challenges for one
// name run one after the other.
type Provider struct {
	options Options
	locks   keylock.Locks
	memory  *memory

	mu       sync.Mutex
	accounts map[string]*account // by API key
}

// NewProvider returns a Provider.
func NewProvider(o Options) *Provider {
	if o.Needed == nil {
		o.Needed = func(context.Context) (dnshost.Needed, error) { return dnshost.Needed{Unknown: true}, nil }
	}
	return &Provider{options: o, memory: newMemory(), accounts: map[string]*account{}}
}

// account returns the state of apiKey, which is dropped after forgetKeyAfter without use.
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

// acquire locks the name of r. The caller must call release.
func (p *Provider) acquire(ctx context.Context, apiKey string, r dnshost.TXT) (set *rrset, release func(), err error) {
	fqdn := dnsname.FQDN(r.FQDN)
	release, err = p.locks.Acquire(ctx, fqdn)
	if err != nil {
		return nil, nil, ErrNameInUse
	}
	acct := p.account(apiKey)
	return &rrset{account: acct, client: acct.client.counting(), memory: p.memory, name: rrsetName{fqdn: fqdn}}, release, nil
}

// patchAdds reports whether Options.PatchAdds lists domain, which is in the form of dnsname.ToASCII.
func (p *Provider) patchAdds(domain string) bool {
	return slices.ContainsFunc(p.options.PatchAdds, func(d string) bool { return dnsname.ToASCII(d) == domain })
}
