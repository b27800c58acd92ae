package mijnhostcheck

import (
	"context"
	"fmt"
	"slices"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// What the API can be found to do; see Behaviour.
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
	barely     = "bare"
	quoted     = "quoted"
)

// believed is how often in a row the API must refuse: it is known to refuse now and then without a cause.
const believed = 3

// Probe writes the probe record, follows it through the API and DNS, measures what the API does, and
// removes it however that ends.
func (a *account) Probe(ctx context.Context, c *check.Check, o check.Probe) {
	p := newProbe(a, o.Domain, o.TTL)
	leftOver, err := p.zone.begin(ctx)
	if err != nil {
		apiFault(ctx, c, check.StepWrite, "The zone could not be read before the probe record was written", err)
		return
	}
	for _, name := range leftOver {
		c.Note(fmt.Sprintf("An earlier check has left the TXT record %s behind, or another one is running now. If not, delete it.", name))
	}
	api := &Behaviour{TTLSent: o.TTL}
	defer p.remove(ctx, c)

	c.Progress("Writing the probe record.")
	p.measureDeleteAbsent(ctx, api)
	c.Result.API = api
	defer func() { api.Reads = *p.zone.reads }()
	if err := repeatRefused(func() error { return p.patch(ctx, p.absolute(p.values[first])) }); err != nil {
		what := fmt.Sprintf("The probe record %s could not be written with a TTL of %d", p.name, o.TTL)
		if apiclient.IsRefusal(err) {
			c.Step(check.StepWrite, check.Problem, fmt.Sprintf("%s: %v.", what, err),
				"If this is about the TTL, give a larger one with --ttl, and to the Issuer's config as well. Otherwise ask mijn.host with this message.")
		} else {
			apiFault(ctx, c, check.StepWrite, what, err)
		}
		return
	}
	c.Step(check.StepWrite, check.OK, fmt.Sprintf("The probe record %s is written.", p.name), "")

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

// awaitRead waits until the API shows the first value.
func (p *probe) awaitRead(ctx context.Context, c *check.Check, api *Behaviour) bool {
	v, agreed, err := p.zone.awaitWrite(ctx, func(shown []mijnhost.Record) bool { return shows(shown, p.values[first]) })
	switch {
	case err != nil:
		apiFault(ctx, c, check.StepRead, "Cannot read the probe record from the API", err)
		return false
	case !agreed:
		c.Step(check.StepRead, check.Problem, fmt.Sprintf("The API does not show the probe record within %s, or not reliably.", check.Spoken(awaitTime.Seconds())),
			"Run the check again. If it persists, ask mijn.host: what the API has written it does not show.")
		return false
	}
	r := copies(v.shown, p.values[first])[0]
	api.TTLShown = r.TTL
	api.Names = formOf(r.Name, p.zone.domain)
	api.Values = barely
	if r.Value != mijnhost.Unquoted(r.Value) {
		api.Values = quoted
	}
	c.Step(check.StepRead, check.OK, fmt.Sprintf("The API shows the probe record %s.", check.After(*p.zone.reads.SettledAfter)), "")
	return true
}

// measureDeleteAbsent deletes a record that never was, before anything is written.
func (p *probe) measureDeleteAbsent(ctx context.Context, api *Behaviour) {
	err := repeatRefused(func() error { return p.delete(ctx, p.absolute(p.values[first])) })
	switch {
	case err == nil:
		api.DeleteAbsent = succeeds
	case apiclient.IsRefusal(err):
		api.DeleteAbsent, api.DeleteAbsentStatus = fails, statusOf(err)
		p.absentFails = true
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
	v, agreed, err := p.zone.awaitQuiet(ctx)
	if err != nil || !agreed {
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

// adviseOnPatch tells how the webhook is to be set for a domain.
func adviseOnPatch(c *check.Check, api *Behaviour, domain string) {
	switch api.PatchSecondValue {
	case adds:
		c.Note(fmt.Sprintf("In %s PATCH adds a value beside others of the same name. Set the webhook's flag --mijnhost-patch-adds=%s "+
			"(in the chart: mijnHost.patchAdds), so that challenges for one name need not take turns.", domain, domain))
	case replaces:
		c.Note(fmt.Sprintf("In %s PATCH replaces the values of the same name: challenges for one name take turns. "+
			"Keep %s out of --mijnhost-patch-adds (in the chart: mijnHost.patchAdds).", domain, domain))
	}
}

// patchAndAwait writes a new value and waits until reads show it. If the API refuses it, that goes into refusal.
func (p *probe) patchAndAwait(ctx context.Context, r mijnhost.Record, refusal *string) (view, bool) {
	err := repeatRefused(func() error { return p.patch(ctx, r) })
	if err != nil {
		if apiclient.IsRefusal(err) {
			*refusal = fails
		}
		return view{}, false
	}
	v, agreed, err := p.zone.awaitWrite(ctx, func(shown []mijnhost.Record) bool { return shows(shown, r.Value) })
	if err != nil || !agreed {
		return view{}, false
	}
	p.standing(v.shown)
	return v, true
}

// measureForms writes a value under the relative name, and sees in which forms names come back.
func (p *probe) measureForms(ctx context.Context, api *Behaviour) {
	if api.Names == formRelative {
		return // whatever was written
	}
	var refusal string
	v, wrote := p.patchAndAwait(ctx, p.relative(p.values[third]), &refusal)
	switch {
	case !wrote: // then they come back absolute or as they were written
		api.Names = ""
	case formOf(copies(v.shown, p.values[third])[0].Name, p.zone.domain) == formRelative:
		api.Names = asWritten
	}
}

// measureDelete deletes one value in a form that reads do not show, and then one of several copies.
func (p *probe) measureDelete(ctx context.Context, api *Behaviour) {
	v, agreed, err := p.zone.awaitQuiet(ctx)
	if err != nil || !agreed || len(v.shown) == 0 {
		return
	}
	value := p.values[second]
	if i := slices.IndexFunc(v.shown, func(r mijnhost.Record) bool { return !holding(value)(r) }); i >= 0 {
		value = mijnhost.Unquoted(v.shown[i].Value) // one that has no copies
	}
	if left, told := p.deleteAndCount(ctx, p.otherForm(copies(v.shown, value)[0])); told {
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
	if left, told := p.deleteAndCount(ctx, same[0]); told {
		api.DeleteCopies = oneCopy
		if left(value) == 0 {
			api.DeleteCopies = allCopies
		}
	}
}

// otherForm names the same record differently from how it is shown: as the webhook sends it where reads do
// not show it yet, or under its relative name.
func (p *probe) otherForm(shown mijnhost.Record) mijnhost.Record {
	other := p.absolute(mijnhost.Unquoted(shown.Value))
	if other.Name == shown.Name && other.Value == shown.Value {
		other = p.relative(other.Value)
	}
	return other
}

// deleteAndCount sends one DELETE, and counts what is left of a value once reads can be believed.
func (p *probe) deleteAndCount(ctx context.Context, r mijnhost.Record) (left func(value string) int, told bool) {
	err := repeatRefused(func() error { return p.delete(ctx, r) })
	if err != nil && !apiclient.IsRefusal(err) {
		return nil, false
	}
	v, agreed, err := p.zone.awaitQuiet(ctx)
	if err != nil || !agreed {
		return nil, false
	}
	p.standing(v.shown)
	return func(value string) int { return len(copies(v.shown, value)) }, true
}

// repeatRefused repeats a call that is refused, until the refusal can be believed.
func repeatRefused(call func() error) error {
	var err error
	for range believed {
		if err = call(); !apiclient.IsRefusal(err) {
			break
		}
	}
	return err
}
