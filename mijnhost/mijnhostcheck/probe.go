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

// probeLabel begins the label of every probe name, so that one that was left behind can be told for what it is.
const probeLabel = "_mijn-host-webhook-check-"

// The values of a probe, in the order in which they are written.
const (
	first = iota
	second
	third
)

// probe is the random name of one check. All that the check changes in the zone passes through it.
type probe struct {
	zone   *zone
	client *mijnhost.Client
	label  string
	name   string // bare
	ttl    int
	values []string

	// written are the values that may stand in the zone.
	written map[string]*writing
	// sent tells that a write was tried, and stood that one was said to have succeeded.
	sent, stood bool
	// absentFails tells that DELETE is known to fail for a record that is not there, so that its success proves something.
	absentFails bool
}

// writing is what is known of a value that was sent.
type writing struct {
	at      time.Time // of the last PATCH
	removed bool      // a DELETE has removed it for sure
}

func newProbe(a *account, domain string, ttl int) *probe {
	word := check.RandomWord()
	label := probeLabel + word
	name := label + "." + domain
	return &probe{
		zone:   &zone{client: a.client, domain: domain, listed: a.asListed(domain), probe: name, reads: &Reads{}},
		client: a.client, label: label, name: name, ttl: ttl,
		values:  []string{"first-" + word, "second-" + word, "third-" + word},
		written: map[string]*writing{},
	}
}

// absolute is a value under the probe's absolute name, as the webhook itself sends it.
func (p *probe) absolute(value string) mijnhost.Record {
	return mijnhost.Record{Type: "TXT", Name: p.name + ".", Value: value, TTL: p.ttl}
}

// relative is a value under the probe's relative name.
func (p *probe) relative(value string) mijnhost.Record {
	return mijnhost.Record{Type: "TXT", Name: p.label, Value: value, TTL: p.ttl}
}

// patch writes a record. Once begun it is not cut off, for a call without an answer may land at any time later.
func (p *probe) patch(ctx context.Context, r mijnhost.Record) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	w, ok := p.written[r.Value]
	if !ok {
		w = &writing{}
		p.written[r.Value] = w
	}
	w.removed = false
	err := p.client.PatchRecord(call, p.zone.listed, r) // an error does not prove that nothing was written
	w.at = time.Now()
	p.zone.wrote(w.at)
	p.sent = true
	p.stood = p.stood || err == nil
	return err
}

// delete removes one record. Like patch it is not cut off.
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

// standing drops what a read that is surely newer than the last write does not show.
func (p *probe) standing(shown []mijnhost.Record) {
	for value := range p.written {
		if !slices.ContainsFunc(shown, holding(value)) {
			delete(p.written, value)
		}
	}
}

// statusOf is the status of a refusal or failure of the API, and 0 where none came.
func statusOf(err error) int {
	if e := (*apiclient.Error)(nil); errors.As(err, &e) && !e.Unexpected {
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
