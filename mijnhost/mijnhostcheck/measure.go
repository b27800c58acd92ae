package mijnhostcheck

import (
	"context"
	"fmt"
	"slices"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// Values of the fields of Behaviour.
const (
	adds       = "adds"
	replaces   = "replaces"
	keeps      = "keeps"
	duplicates = "duplicates"
	fails      = "fails"
	succeeds   = "succeeds"
	anyForm    = "any-form"
	asShown    = "as-shown"
	oneCopy    = "one"
	allCopies  = "all"
	asWritten  = "as-written"
	unquoted   = "bare"
	quoted     = "quoted"
)

// confirmations is how many consecutive refusals are conclusive: mijn.host sometimes refuses valid requests.
const confirmations = 3

// Probe implements check.Account: it writes the probe record, waits for the API and the nameservers, measures the API, and removes
// the record.
func (a *account) Probe(ctx context.Context, c *check.Check, o check.Probe) {
	p := newProbe(a, o.Domain, o.TTL)
	leftOver, err := p.zone.begin(ctx)
	if err != nil {
		apiFault(ctx, c, check.StepWrite, "Cannot read the zone before writing the probe record", err)
		return
	}
	for _, name := range leftOver {
		c.Note(fmt.Sprintf("The TXT record %s is from another check. If no other check is running, delete it.", name))
	}
	api := &Behaviour{TTLSent: o.TTL}
	defer p.remove(ctx, c)

	c.Progress("Writing the probe record.")
	p.measureDeleteAbsent(ctx, api)
	c.Result.API = api
	defer func() { api.Reads = *p.zone.reads }()
	if err := repeatRefused(func() error { return p.patch(ctx, p.absolute(p.values[first])) }); err != nil {
		what := fmt.Sprintf("Cannot write the probe record %s with TTL %d", p.name, o.TTL)
		if apiclient.IsRefusal(err) {
			c.Step(check.StepWrite, check.Problem, fmt.Sprintf("%s: %v.", what, err),
				"If the TTL is too small, increase --ttl, and ttl in the Issuer's config. Otherwise contact mijn.host with this message.")
		} else {
			apiFault(ctx, c, check.StepWrite, what, err)
		}
		return
	}
	c.Step(check.StepWrite, check.OK, fmt.Sprintf("Wrote the probe record %s.", p.name), "")

	w := c.WatchNameservers(ctx, o.Nameservers, p.name, p.values, p.zone.written)
	defer w.End()
	if !p.awaitRead(ctx, c, api) {
		return
	}
	p.measurePatch(ctx, api)
	adviseOnPatch(c, api, o.Domain)
	p.measureForms(ctx, api)
	w.Judge(ctx)
	c.Progress("Removing the probe record.")
	p.measureDelete(ctx, api)
}

// awaitRead waits until reads show the first value.
func (p *probe) awaitRead(ctx context.Context, c *check.Check, api *Behaviour) bool {
	v, agreed, err := p.zone.awaitWrite(ctx, func(shown []mijnhost.Record) bool { return shows(shown, p.values[first]) })
	switch {
	case err != nil:
		apiFault(ctx, c, check.StepRead, "Cannot read the probe record from the API", err)
		return false
	case !agreed:
		c.Step(check.StepRead, check.Problem, fmt.Sprintf("The API does not show the probe record reliably within %s.", check.Spoken(awaitTime.Seconds())),
			"Run the check again. If it persists, contact mijn.host: the API accepts a record and does not show it.")
		return false
	}
	r := copies(v.shown, p.values[first])[0]
	api.TTLShown = r.TTL
	api.Names = formOf(r.Name, p.zone.domain)
	api.Values = unquoted
	if r.Value != mijnhost.Unquoted(r.Value) {
		api.Values = quoted
	}
	c.Step(check.StepRead, check.OK, fmt.Sprintf("The API shows the probe record %s.", check.After(*p.zone.reads.SettledAfter)), "")
	return true
}

// measureDeleteAbsent deletes a missing record, before anything is written.
func (p *probe) measureDeleteAbsent(ctx context.Context, api *Behaviour) {
	err := repeatRefused(func() error { return p.delete(ctx, p.absolute(p.values[first])) })
	switch {
	case err == nil:
		api.DeleteAbsent = succeeds
	case apiclient.IsRefusal(err):
		api.DeleteAbsent, api.DeleteAbsentStatus = fails, statusOf(err)
	}
}

// measurePatch writes a second value beside the first, and then the second again.
func (p *probe) measurePatch(ctx context.Context, api *Behaviour) {
	value := p.values[second]
	v, wrote := p.patchAndAwait(ctx, p.absolute(value), &api.PatchSecondValue)
	if !wrote {
		return
	}
	api.PatchSecondValue = replaces
	if shows(v.shown, p.values[first]) {
		api.PatchSecondValue = adds
	}

	err := repeatRefused(func() error { return p.patch(ctx, p.absolute(value)) })
	switch {
	case apiclient.IsRefusal(err):
		api.PatchSameValue = fails
		return
	case err != nil:
		return
	}
	v, agreed := p.zone.awaitQuiet(ctx)
	if !agreed {
		return
	}
	switch len(copies(v.shown, value)) {
	case 0:
	case 1:
		api.PatchSameValue = keeps
	default:
		api.PatchSameValue = duplicates
	}
}

// adviseOnPatch adds a note with the setting of --mijnhost-patch-adds for the domain.
func adviseOnPatch(c *check.Check, api *Behaviour, domain string) {
	switch api.PatchSecondValue {
	case adds:
		c.Note(fmt.Sprintf("PATCH adds values to an RRset in %s. Set --mijnhost-patch-adds=%s on the webhook "+
			"(chart value mijnHost.patchAdds), so that challenges for one name do not take turns.", domain, domain))
	case replaces:
		c.Note(fmt.Sprintf("PATCH replaces the RRset in %s, so challenges for one name take turns. "+
			"Do not list %s in --mijnhost-patch-adds (chart value mijnHost.patchAdds).", domain, domain))
	}
}

// patchAndAwait writes a value and waits until reads show it. It sets refusal if the API refuses the value.
func (p *probe) patchAndAwait(ctx context.Context, r mijnhost.Record, refusal *string) (view, bool) {
	err := repeatRefused(func() error { return p.patch(ctx, r) })
	if err != nil {
		if apiclient.IsRefusal(err) {
			*refusal = fails
		}
		return view{}, false
	}
	v, agreed, _ := p.zone.awaitWrite(ctx, func(shown []mijnhost.Record) bool { return shows(shown, r.Value) })
	return v, agreed
}

// measureForms writes a value under the relative name, to see whether reads show names as written.
func (p *probe) measureForms(ctx context.Context, api *Behaviour) {
	if api.Names == formRelative {
		return // reads show all names relative
	}
	var refusal string
	v, wrote := p.patchAndAwait(ctx, p.relative(p.values[third]), &refusal)
	switch {
	case !wrote: // either absolute or as written
		api.Names = ""
	case formOf(copies(v.shown, p.values[third])[0].Name, p.zone.domain) == formRelative:
		api.Names = asWritten
	}
}

// measureDelete deletes a value in a form that reads do not show, and then one of several duplicates.
func (p *probe) measureDelete(ctx context.Context, api *Behaviour) {
	v, agreed := p.zone.awaitQuiet(ctx)
	if !agreed || len(v.shown) == 0 {
		return
	}
	value := p.values[second]
	if i := slices.IndexFunc(v.shown, func(r mijnhost.Record) bool { return !holding(value)(r) }); i >= 0 {
		value = mijnhost.Unquoted(v.shown[i].Value) // a value without duplicates
	}
	if left, known := p.deleteAndCount(ctx, p.otherForm(copies(v.shown, value)[0])); known {
		api.DeleteMatches = anyForm
		if left(value) == len(copies(v.shown, value)) {
			api.DeleteMatches = asShown
		}
	}
	value = p.values[second]
	same := copies(v.shown, value)
	if len(same) < 2 {
		return
	}
	if left, known := p.deleteAndCount(ctx, same[0]); known {
		api.DeleteCopies = oneCopy
		if left(value) == 0 {
			api.DeleteCopies = allCopies
		}
	}
}

// otherForm returns the record in another form than reads show: as the webhook sends it, or with its relative name.
func (p *probe) otherForm(shown mijnhost.Record) mijnhost.Record {
	other := p.absolute(mijnhost.Unquoted(shown.Value))
	if other.Name == shown.Name && other.Value == shown.Value {
		other = p.relative(other.Value)
	}
	return other
}

// deleteAndCount sends one DELETE and counts the remaining copies of a value once reads have settled.
func (p *probe) deleteAndCount(ctx context.Context, r mijnhost.Record) (left func(value string) int, known bool) {
	err := repeatRefused(func() error { return p.delete(ctx, r) })
	if err != nil && !apiclient.IsRefusal(err) {
		return nil, false
	}
	v, agreed := p.zone.awaitQuiet(ctx)
	if !agreed {
		return nil, false
	}
	p.dropMissing(v.shown)
	return func(value string) int { return len(copies(v.shown, value)) }, true
}

// repeatRefused repeats a refused call up to confirmations times.
func repeatRefused(call func() error) error {
	var err error
	for range confirmations {
		if err = call(); !apiclient.IsRefusal(err) {
			break
		}
	}
	return err
}
