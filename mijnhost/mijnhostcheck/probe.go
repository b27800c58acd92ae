package mijnhostcheck

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// probeLabel is the prefix of every probe's label, so that a left-over can be recognized.
const probeLabel = "_mijn-host-webhook-check-"

// Indexes of the probe's values, in the order of writing.
const (
	first = iota
	second
	third
)

// probe is the random name of one check. All writes of the check go through it.
type probe struct {
	zone   *zone
	client *mijnhost.Client
	label  string
	name   string // bare
	ttl    int
	values []string

	// written are the values that may be in the zone, and when each was last written, or shown although its DELETE failed.
	written map[string]time.Time
	// sent reports whether a write was sent, and succeeded whether one succeeded.
	sent, succeeded bool
}

func newProbe(a *account, domain string, ttl int) *probe {
	word := check.RandomWord()
	label := probeLabel + word
	name := label + "." + domain
	return &probe{
		zone:   &zone{client: a.client, domain: domain, listed: a.asListed(domain), probe: name, reads: &Reads{}},
		client: a.client, label: label, name: name, ttl: ttl,
		values:  []string{"first-" + word, "second-" + word, "third-" + word},
		written: map[string]time.Time{},
	}
}

// absolute returns a record with the probe's absolute name, as the webhook sends it.
func (p *probe) absolute(value string) mijnhost.Record {
	return mijnhost.Record{Type: "TXT", Name: p.name + ".", Value: value, TTL: p.ttl}
}

// relative returns a record with the probe's relative name.
func (p *probe) relative(value string) mijnhost.Record {
	return mijnhost.Record{Type: "TXT", Name: p.label, Value: value, TTL: p.ttl}
}

// patch writes a record. It is not interrupted, because an unanswered call can take effect at any later time.
func (p *probe) patch(ctx context.Context, r mijnhost.Record) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	err := p.client.PatchRecord(call, p.zone.listed, r) // an error does not prove that it was not written
	now := time.Now()
	p.written[r.Value] = now
	p.zone.wrote(now)
	p.sent = true
	p.succeeded = p.succeeded || err == nil
	return err
}

// delete removes one record. Like patch, it is not interrupted.
func (p *probe) delete(ctx context.Context, r mijnhost.Record) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	err := p.client.DeleteRecord(call, p.zone.listed, r)
	if err == nil {
		p.zone.wrote(time.Now())
	}
	return err
}

// dropMissing drops values that shown, a settled read, does not contain.
func (p *probe) dropMissing(shown []mijnhost.Record) {
	for value := range p.written {
		if !slices.ContainsFunc(shown, holding(value)) {
			delete(p.written, value)
		}
	}
}

// statusOf returns the HTTP status of an API error, or 0 without a response.
func statusOf(err error) int {
	if e := (*apiclient.Error)(nil); errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func holding(value string) func(mijnhost.Record) bool {
	return func(r mijnhost.Record) bool { return mijnhost.Unquoted(r.Value) == value }
}

func shows(shown []mijnhost.Record, value string) bool {
	return slices.ContainsFunc(shown, holding(value))
}

func copies(shown []mijnhost.Record, value string) []mijnhost.Record {
	var found []mijnhost.Record
	for _, r := range shown {
		if holding(value)(r) {
			found = append(found, r)
		}
	}
	return found
}
