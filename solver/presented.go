package solver

import (
	"maps"
	"sync"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
)

// rememberFor bounds the memory of challenges that another process cleaned up. No
// ACME server known keeps a challenge open for longer.
const rememberFor = 7 * 24 * time.Hour

// presented remembers where this process put the value of each challenge and with which key: by
// the time of the clean-up the Secret may be gone, or the FQDN may resolve elsewhere.
type presented struct {
	report  func(change int) // how many more there are
	mu      sync.Mutex
	records map[challenge]record
}

// challenge identifies a challenge, whose UID cert-manager never sets.
type challenge struct {
	namespace, dnsName, key string
}

// record is a value's place and the key that put it there.
type record struct {
	zone, fqdn string
	key        apiKey
	at         time.Time
}

func newPresented(report func(change int)) *presented {
	return &presented{report: report, records: map[challenge]record{}}
}

func identify(ch *whapi.ChallengeRequest) challenge {
	return challenge{ch.ResourceNamespace, ch.DNSName, ch.Key}
}

func (p *presented) put(ch *whapi.ChallengeRequest, key apiKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.reportSince(len(p.records))
	now := time.Now()
	maps.DeleteFunc(p.records, func(_ challenge, r record) bool { return now.Sub(r.at) > rememberFor })
	p.records[identify(ch)] = record{ch.ResolvedZone, ch.ResolvedFQDN, key, now}
}

func (p *presented) get(ch *whapi.ChallengeRequest) (record, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.records[identify(ch)]
	return r, ok
}

func (p *presented) take(ch *whapi.ChallengeRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.reportSince(len(p.records))
	delete(p.records, identify(ch))
}

func (p *presented) reportSince(before int) { p.report(len(p.records) - before) }
