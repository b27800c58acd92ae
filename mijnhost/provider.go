package mijnhost

import (
	"sync"
	"sync/atomic"
)

// Provider adds and removes single TXT values in the zones of mijn.host accounts.
// It is safe for use by many goroutines; challenges for one name take turns.
type Provider struct {
	options Options
	values  *values
	patch   atomic.Int32 // a patchEffect

	mu       sync.Mutex
	accounts map[string]*account // by API key
}

// patchEffect is what PATCH does to the other values of the same name and type.
// The API's description does not say; the provider learns it when two challenges share a name.
type patchEffect = int32

const (
	patchUnknown patchEffect = iota
	patchAdds
	patchReplaces
)

// NewProvider returns a provider that reaches the API as o says.
func NewProvider(o Options) *Provider {
	return &Provider{options: o.withDefaults(), values: newValues(), accounts: map[string]*account{}}
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
