package realtimeregistercheck

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

const (
	// probeLabel begins the label of every probe name.
	probeLabel = "_mijn-host-webhook-check-"
	// writeTime bounds a call of the zone writer: that of a challenge.
	writeTime = 25 * time.Second
	// removalTime bounds the removal. An update whose fate is unknown stops all others for a minute.
	removalTime = 90 * time.Second
	// tryAgain is the pause before a value is removed once more.
	tryAgain = 3 * time.Second
)

// Probe writes one TXT record by the code that answers challenges, which reads it back, sees when the nameservers serve it,
// and removes it.
func (a *account) Probe(ctx context.Context, c *check.Check, o check.Probe) {
	for _, name := range a.zone.Named(probeLabel) {
		c.Note(fmt.Sprintf("An earlier check has left the TXT record %s behind, or another one is running now. If not, delete it.", name))
	}
	leases, words := a.leases(c)
	api := a.api
	api.Leases = leases
	provider := realtimeregister.NewProvider(api)
	name := probeLabel + check.RandomWord() + "." + o.Domain
	record := dnshost.TXT{
		Zone: o.Domain + ".", FQDN: name + ".", Value: randomValue(),
		TTL: max(o.TTL, realtimeregister.MinTTL), Service: a.zone.Service,
	}
	c.Progress("Writing the probe record.")
	begun := time.Now()
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime) // an update is not cut off
	_, err := provider.Present(call, a.key, record)
	cancel()
	defer func() { a.remove(ctx, c, provider, record) }()
	if err != nil {
		what := fmt.Sprintf("The probe record %s could not be written", name)
		if isForbidden(err) {
			what = "The API key may not update zones"
		}
		a.writeFault(ctx, c, what, err)
		return
	}
	took := check.InSeconds(time.Since(begun))
	c.Step(check.StepWrite, check.OK, fmt.Sprintf("The probe record %s is written. %s", name, words), "")
	c.Step(check.StepRead, check.OK, fmt.Sprintf("The API shows the probe record %s.", check.After(took)), "")
	w := c.WatchNameservers(ctx, o.Nameservers, name, []string{record.Value}, time.Now())
	defer w.End()
	w.Judge(ctx)
}

// writeFault tells why nothing was written.
func (a *account) writeFault(ctx context.Context, c *check.Check, what string, err error) {
	switch {
	case errors.Is(err, kubelease.ErrForbidden), errors.Is(err, kubelease.ErrUnavailable):
		c.Step(check.StepWrite, check.Problem, fmt.Sprintf("%s: %v.", what, err),
			"Use an account that may get, create and update Leases in --lease-namespace, or leave that flag out: then nothing keeps the webhook from the zone meanwhile.")
	case errors.Is(err, realtimeregister.ErrUncertain), errors.Is(err, realtimeregister.ErrStale),
		errors.Is(err, realtimeregister.ErrLeaseInUse), errors.Is(err, realtimeregister.ErrZoneInUse), errors.Is(err, realtimeregister.ErrNoTime):
		c.Step(check.StepWrite, check.Unknown, fmt.Sprintf("%s: %v.", what, err), "Run the check again in some minutes.")
	default:
		apiFault(ctx, c, check.StepWrite, what, err)
	}
}

// remove takes the probe record out of the zone, also when ctx is done.
func (a *account) remove(ctx context.Context, c *check.Check, provider *realtimeregister.Provider, record dnshost.TXT) {
	name, domain := dnsname.TrimDot(record.FQDN), dnsname.TrimDot(record.Zone)
	c.Progress("Removing the probe record.")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	for {
		call, end := context.WithTimeout(ctx, writeTime)
		_, err := provider.CleanUp(call, a.key, record)
		end()
		if err == nil {
			c.Step(check.StepRemove, check.OK, "No probe record is in the zone.", "")
			return
		}
		if check.Pause(ctx, tryAgain) != nil {
			c.Result.LeftBehind = name
			c.Step(check.StepRemove, check.Problem, fmt.Sprintf("The probe record may still be in the zone: %v.", err),
				fmt.Sprintf("Delete the TXT record %s of %s in Realtime Register's portal.", name, domain))
			return
		}
	}
}

// randomValue has the form of a challenge's, which all who write the zone know as one that comes and goes.
func randomValue() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

// leases are the webhook's, where its cluster can be reached and its namespace is known. The words tell which.
func (a *account) leases(c *check.Check) (leases realtimeregister.Leases, words string) {
	config, err := c.Cluster()
	switch {
	case a.host.LeaseNamespace == "":
		return &alone{}, "Without --lease-namespace no Lease kept the webhook from writing to the zone at the same time."
	case err != nil:
		return &alone{}, "No cluster can be reached, so no Lease kept the webhook from writing to the zone at the same time."
	}
	shared := kubelease.New(a.host.LeaseNamespace)
	if err := shared.Connect(config); err != nil {
		return &alone{}, "No cluster can be reached, so no Lease kept the webhook from writing to the zone at the same time."
	}
	return shared, fmt.Sprintf("A Lease in the namespace %s kept the webhook from writing to the zone at the same time.", a.host.LeaseNamespace)
}

// alone are Leases for a process that has no other process to share with, as far as it knows. The notes of a round are for the next one.
type alone struct {
	mu    sync.Mutex
	notes string
}

// Acquire gives a Lease that excludes no one. Rounds of one zone take turns.
func (a *alone) Acquire(ctx context.Context, _ string) (keylock.Lease, error) { return a, ctx.Err() }

// Notes are a part of keylock.Lease.
func (a *alone) Notes() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.notes
}

// Renew is a part of keylock.Lease.
func (a *alone) Renew(_ context.Context, notes string) error {
	a.Release(notes)
	return nil
}

// Left is a part of keylock.Lease.
func (*alone) Left() time.Duration { return time.Hour }

// Release is a part of keylock.Lease.
func (a *alone) Release(notes string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notes = notes
}
