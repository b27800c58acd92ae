package solver

import (
	"sync"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
)

// rememberFor is how long a challenge stays in memory if another process cleans it up. The known ACME servers close
// challenges sooner.
const rememberFor = 7 * 24 * time.Hour

// presented remembers the name and the key of each challenge that this process presented or may have presented. At clean-up
// the Secret may be gone, or the CNAME may have changed.
type presented struct {
	report  func(change int) // change in the number of values presented successfully
	mu      sync.Mutex
	records map[challenge]*record
}

// challenge identifies a challenge. cert-manager never sets the request's UID.
type challenge struct {
	namespace, dnsName, key string
}

// location is a name and its zone.
type location struct {
	zone, fqdn string
}

// record is the place of a presented value, and its key.
type record struct {
	at     location
	key    apiKey
	done   bool // Present succeeded
	expiry *time.Timer
}

func newPresented(report func(change int)) *presented {
	return &presented{report: report, records: map[challenge]*record{}}
}

func identify(ch *whapi.ChallengeRequest) challenge {
	return challenge{ch.ResourceNamespace, ch.DNSName, ch.Key}
}

func (p *presented) add(ch *whapi.ChallengeRequest, key apiKey, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, r := identify(ch), &record{at: location{ch.ResolvedZone, ch.ResolvedFQDN}, key: key, done: done}
	if before := p.records[id]; !done && before != nil && before.done {
		return // keep the record of the successful attempt
	}
	p.forget(id, p.records[id])
	r.expiry = time.AfterFunc(rememberFor, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.forget(id, r)
	})
	p.records[id] = r
	if done {
		p.report(1)
	}
}

func (p *presented) get(ch *whapi.ChallengeRequest) (*record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.records[identify(ch)]
	return r, ok
}

func (p *presented) remove(ch *whapi.ChallengeRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := identify(ch)
	p.forget(id, p.records[id])
}

// forget drops r, unless it is nil or has been replaced. The caller must hold mu.
func (p *presented) forget(id challenge, r *record) {
	if r == nil || p.records[id] != r {
		return
	}
	r.expiry.Stop()
	delete(p.records, id)
	if r.done {
		p.report(-1)
	}
}
