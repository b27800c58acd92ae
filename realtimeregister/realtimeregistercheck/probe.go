package realtimeregistercheck

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

const (
	// probeLabel is the prefix of every probe's label.
	probeLabel = "_mijn-host-webhook-check-"
	// writeTime limits a call of the zone writer, as for a challenge.
	writeTime = 25 * time.Second
	// removalTime limits the removal. An uncertain update blocks all others for a minute.
	removalTime = 90 * time.Second
	// tryAgain is the pause before a removal is retried.
	tryAgain = 3 * time.Second
)

// Probe implements check.Account with the code that solves challenges, which reads the record back.
func (a *account) Probe(ctx context.Context, c *check.Check, o check.Probe) {
	for _, name := range a.zone.Named(probeLabel) {
		c.Note(fmt.Sprintf("The TXT record %s is from another check. If no other check is running, delete it.", name))
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
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime) // updates are not interrupted
	_, err := provider.Present(call, a.key, record)
	cancel()
	defer func() { a.remove(ctx, c, provider, record) }()
	if err != nil {
		what := fmt.Sprintf("Cannot write the probe record %s", name)
		if isForbidden(err) {
			what = "The API key is not allowed to update zones"
		}
		a.writeFault(ctx, c, what, err)
		return
	}
	took := check.InSeconds(time.Since(begun))
	c.Step(check.StepWrite, check.OK, fmt.Sprintf("Wrote the probe record %s. %s", name, words), "")
	c.Step(check.StepRead, check.OK, fmt.Sprintf("The API shows the probe record %s.", check.After(took)), "")
	w := c.WatchNameservers(ctx, o.Nameservers, name, []string{record.Value}, time.Now())
	w.Judge(ctx)
}

// writeFault ends StepWrite after a failed write.
func (a *account) writeFault(ctx context.Context, c *check.Check, what string, err error) {
	switch {
	case errors.Is(err, kubelease.ErrForbidden), errors.Is(err, kubelease.ErrUnavailable):
		c.Step(check.StepWrite, check.Problem, fmt.Sprintf("%s: %v.", what, err),
			"Use an account that may get, create and update Leases in --lease-namespace, or unset that flag: then the webhook can write the zone at the same time.")
	case errors.Is(err, realtimeregister.ErrUncertain), errors.Is(err, realtimeregister.ErrStale),
		errors.Is(err, realtimeregister.ErrLeaseInUse), errors.Is(err, realtimeregister.ErrZoneInUse), errors.Is(err, realtimeregister.ErrNoTime):
		c.Step(check.StepWrite, check.Unknown, fmt.Sprintf("%s: %v.", what, err), "Run the check again in a few minutes.")
	default:
		apiFault(ctx, c, check.StepWrite, what, err)
	}
}

// remove removes the probe record, even if ctx is done.
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
			c.Step(check.StepRemove, check.OK, "No probe record in the zone.", "")
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

// randomValue returns a value in the form of a challenge's, so that other zone writers expect it to be removed.
func randomValue() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

// leases returns the webhook's Leases if the cluster and the namespace are known, else local ones. words describes them.
func (a *account) leases(c *check.Check) (leases realtimeregister.Leases, words string) {
	if a.host.LeaseNamespace == "" {
		return &alone{}, "No Lease protected this write from the webhook's: --lease-namespace is not set."
	}
	shared := kubelease.New(a.host.LeaseNamespace)
	config, err := c.Cluster()
	if err == nil {
		err = shared.Connect(config)
	}
	if err != nil {
		return &alone{}, "No Lease protected this write from the webhook's: no cluster configured."
	}
	return shared, fmt.Sprintf("A Lease in namespace %s protected this write from the webhook's.", a.host.LeaseNamespace)
}

// alone implements realtimeregister.Leases for one zone within one process. It passes the notes of a round to the next. It needs
// no lock, because the provider runs one round of a zone at a time.
type alone struct{ notes string }

// Acquire implements realtimeregister.Leases. It excludes no other process.
func (a *alone) Acquire(context.Context, string) (keylock.Lease, error) { return a, nil }

// Notes implements keylock.Lease.
func (a *alone) Notes() string { return a.notes }

// Renew implements keylock.Lease. Only Release keeps notes, because no other process can take over.
func (*alone) Renew(context.Context, string) error { return nil }

// Left implements keylock.Lease.
func (*alone) Left() time.Duration { return time.Hour }

// Release implements keylock.Lease.
func (a *alone) Release(notes string) { a.notes = notes }
