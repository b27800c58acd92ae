package mijnhost

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// defaultTTL in seconds is what mijn.host's own plugin sends; the API's minimum is unknown.
const defaultTTL = 60

// Provider adds and removes single TXT values in the zones of mijn.host accounts. It is safe for concurrent use;
// challenges for one name take turns.
type Provider struct {
	options Options
	locks   keylock.Locks
	memory  memory
	patch   atomic.Int32 // a patchEffect

	mu       sync.Mutex
	accounts map[string]*account // by API key
}

// patchEffect is what PATCH does to the other values of the same name and type. The API's description does not say; the
// provider learns it when two challenges share a name.
type patchEffect = int32

const (
	patchUnknown patchEffect = iota
	patchAdds
	patchReplaces
)

// NewProvider returns a provider that reaches the API as o says.
func NewProvider(o Options) *Provider {
	return &Provider{options: o, memory: memory{names: map[string]*history{}}, accounts: map[string]*account{}}
}

// maxAccounts bounds the memory of keys: rotated keys would otherwise pile up.
const maxAccounts = 1000

// account returns what is known of the account of apiKey.
func (p *Provider) account(apiKey string) *account {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.accounts[apiKey]
	if !ok {
		if len(p.accounts) >= maxAccounts {
			clear(p.accounts) // calls under way keep theirs; the rest is learned again
		}
		known = newAccount(NewClient(p.options, apiKey))
		p.accounts[apiKey] = known
	}
	return known
}

// acquire waits for the turn of r's name. The caller must call release.
func (p *Provider) acquire(ctx context.Context, apiKey string, r dnshost.TXT) (set *rrset, release func(), err error) {
	fqdn := dnsname.FQDN(r.FQDN)
	h := p.memory.open(fqdn)
	unlock, err := p.locks.Acquire(ctx, fqdn)
	if err != nil {
		p.memory.close(h)
		return nil, nil, ErrNameInUse
	}
	acct := p.account(apiKey)
	release = func() {
		unlock()
		p.memory.close(h)
	}
	return &rrset{account: acct, client: acct.client.counting(), fqdn: fqdn, history: h}, release, nil
}

func (p *Provider) observeRestored() {
	if p.options.Observer != nil {
		p.options.Observer.SiblingRestored()
	}
}

func (p *Provider) observeForeign() {
	if p.options.Observer != nil {
		p.options.Observer.ForeignAtRisk()
	}
}
