package solver

import (
	"sync"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
)

// rememberFor bounds the memory of challenges that another process cleaned up. No
// ACME server known keeps a challenge open for longer.
const rememberFor = 7 * 24 * time.Hour

// presented remembers where this process presented the value of each challenge, or may have, and with which key: by the time
// of the clean-up the Secret may be gone, or the FQDN may resolve elsewhere.
type presented struct {
	report  func(change int) // how many more values were presented with success
	mu      sync.Mutex
	records map[challenge]*record
}

// challenge identifies a challenge, whose UID cert-manager never sets.
type challenge struct {
	namespace, dnsName, key string
}

// location is a name and the zone that it is in.
type location struct {
	zone, fqdn string
}

// record is where a value was presented, and with which key.
type record struct {
	at     location
	key    apiKey
	done   bool // with success
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
		return // another attempt, which may not even be sent
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

// forget drops r, unless it is none or there is another one by now. The caller holds the lock.
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
