package realtimeregistercheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

// callTime bounds one call of the API, with all its attempts.
const callTime = 20 * time.Second

// account is what a key opens.
type account struct {
	host   *Host
	api    realtimeregister.Options
	client *realtimeregister.Client
	key    string
	calls  atomic.Int64

	zones map[string][]*realtimeregister.Zone // that were found, by their name
	zone  *realtimeregister.Zone              // the one that challenges are answered in; nil if that cannot be told
}

// Calls is how many requests were sent so far.
func (a *account) Calls() int64 { return a.calls.Load() }

// Domains asks for the zones of one name, which tells whether the key is good. An account can have too many zones to list
// them all.
func (a *account) Domains(ctx context.Context, c *check.Check, origin string) (domains []string, accepted bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if _, err := a.client.Zones(call, c.Result.Name); err != nil {
		what := "Cannot verify the API key"
		switch {
		case errors.Is(err, apiclient.ErrKeyRefused):
			what = fmt.Sprintf("The API key from %s is not accepted", origin)
		case isForbidden(err):
			what = fmt.Sprintf("The API key from %s may not read zones", origin)
		}
		apiFault(ctx, c, check.StepKey, what, err)
		return nil, false
	}
	c.Step(check.StepKey, check.OK, fmt.Sprintf("Realtime Register accepts the API key from %s, and the key has VIEW_DNS_ZONE. "+
		"Whether it has UPDATE_DNS_ZONE shows when a record is written.", origin), "")
	return nil, true
}

// Unlisted looks for a zone as a challenge does.
func (a *account) Unlisted(ctx context.Context, name string) (domain string, err error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	zones, err := a.client.Covering(call, name)
	if err != nil || len(zones) == 0 {
		return "", err
	}
	a.zones[zones[0].Name] = zones
	return zones[0].Name, nil
}

// Managed tells which of the zones of a name it is, whether it can be written to, and whether an update of it can succeed.
func (a *account) Managed(ctx context.Context, c *check.Check, domain string) (nameservers []string, managed bool) {
	zones := a.zones[domain]
	zone, why, remedy := a.choose(zones)
	if zone == nil {
		c.Step(check.StepManaged, check.Problem, why, remedy)
		for _, z := range zones {
			nameservers = append(nameservers, z.Nameservers...)
		}
		return nameservers, false
	}
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	read, err := a.client.Zone(call, zone.ID) // as each challenge does: a list may show less
	if err != nil {
		apiFault(ctx, c, check.StepManaged, fmt.Sprintf("The zone %s cannot be read", domain), err)
		return zone.Nameservers, false
	}
	a.zone = read
	if why, remedy := unfit(read); why != "" {
		c.Step(check.StepManaged, check.Problem, why, remedy)
		return read.Nameservers, false
	}
	c.Step(check.StepManaged, check.OK, fmt.Sprintf("The %s zone %s can be written to: it is not linked, secondary, empty or waiting to be deleted.",
		read.Service, domain), "")
	a.checkRecords(c, read)
	c.Note("If a Challenge says presented: true and its spec.key is none of the TXT values under its name, another tool has replaced " +
		"the whole zone, and cert-manager does not write the value again. Fix: kubectl delete challenge NAME.")
	return read.Nameservers, true
}

// choose returns the zone that a challenge takes, or why there is none.
func (a *account) choose(zones []*realtimeregister.Zone) (zone *realtimeregister.Zone, why, remedy string) {
	var usable []*realtimeregister.Zone
	for _, z := range zones {
		if !z.IsPending() && (a.host.Service == "" || z.Service == a.host.Service) {
			usable = append(usable, z)
		}
	}
	name := zones[0].Name
	switch {
	case len(usable) == 1:
		return usable[0], "", ""
	case len(usable) > 1:
		why = fmt.Sprintf("The zone %s exists more than once: %s. A challenge needs to know which one.", name, described(usable))
		return nil, why, "In the Issuer's config set service to the one that the domain is delegated to, and give it to the check with --realtimeregister-service."
	case a.host.Service != "":
		return nil, fmt.Sprintf("There is no %s zone %s: %s.", a.host.Service, name, described(zones)),
			"Set --realtimeregister-service, and service in the Issuer's config, to the one that exists."
	default:
		return nil, fmt.Sprintf("The zone %s is waiting to be deleted.", name), "Restore the zone in Realtime Register's portal, or ask its support."
	}
}

// described names zones by their service, with their nameservers.
func described(zones []*realtimeregister.Zone) string {
	var all []string
	for _, z := range zones {
		words := z.Service
		if z.IsPending() {
			words += " (waiting to be deleted)"
		}
		if len(z.Nameservers) > 0 {
			words += " with the nameservers " + check.List(z.Nameservers)
		}
		all = append(all, words)
	}
	return check.List(all)
}

// unfit says why a zone must not be written to.
func unfit(z *realtimeregister.Zone) (why, remedy string) {
	const cname = ", or delegate the challenge to another zone by CNAME."
	switch {
	case z.Template() != "":
		return fmt.Sprintf("The zone %s is linked to the template %s, so its records come from there.", z.Name, z.Template()), "Unlink the zone" + cname
	case z.Master() != "":
		return fmt.Sprintf("The zone %s is a secondary zone of %s, so its records come from there.", z.Name, z.Master()),
			"Answer the challenges where the primary zone is hosted" + cname
	case z.IsPending():
		return fmt.Sprintf("The zone %s is waiting to be deleted.", z.Name), "Restore the zone in Realtime Register's portal, or ask its support."
	case len(z.Records) == 0:
		return fmt.Sprintf("The zone %s has no records, or the API does not show them. The webhook writes to no such zone.", z.Name),
			"Add one TXT record to the zone in Realtime Register's portal, so that an empty answer can be told apart."
	}
	return "", ""
}

// Records are those that Managed has read.
func (a *account) Records(string) []check.ZoneRecord {
	records := make([]check.ZoneRecord, 0, len(a.zone.Records))
	for _, r := range a.zone.Records {
		one := check.ZoneRecord{Name: r.Name(), Type: r.Type()}
		if one.Type == "TXT" {
			one.Text = r.Content()
		}
		records = append(records, one)
	}
	return records
}

// RemoveValue removes a value by the code that cleans up after challenges.
func (a *account) RemoveValue(ctx context.Context, c *check.Check, domain, name, value string) error {
	leases, words := a.leases(c)
	api := a.api
	api.Leases = leases
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime) // an update is not cut off
	defer cancel()
	_, err := realtimeregister.NewProvider(api).CleanUp(call, a.key, dnshost.TXT{
		Zone: domain + ".", FQDN: name + ".", Value: value, Service: a.zone.Service,
	})
	if err == nil {
		c.Note(words)
	}
	return err
}

func isForbidden(err error) bool {
	var e *apiclient.Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden
}

// apiFault ends a step in which the API failed. A refusal is a problem; silence is not known to be one.
func apiFault(ctx context.Context, c *check.Check, id check.StepID, what string, err error) {
	if why, remedy, cut := check.CutShort(ctx); cut {
		c.Step(id, check.Unknown, fmt.Sprintf("%s: %s.", what, why), remedy)
		return
	}
	status := check.Problem
	var remedy string
	switch {
	case errors.Is(err, apiclient.ErrKeyRefused):
		remedy = "Check that the key is complete, has not been revoked and belongs to this environment: the test environment has keys " +
			"of its own (--realtimeregister-base-url). If the key is tied to IP addresses, add the one from which this system reaches the internet."
	case isForbidden(err):
		remedy = "In Realtime Register's portal give the key's user VIEW_DNS_ZONE and UPDATE_DNS_ZONE. If the key is tied to IP addresses, " +
			"add the one from which this system reaches the internet."
	case errors.Is(err, apiclient.ErrRateLimited):
		status, remedy = check.Unknown, "Run the check again in some minutes. If it persists, find what else uses this API key."
	case errors.Is(err, apiclient.ErrUnavailable):
		status, remedy = check.Unknown, "Check that this system can reach the API (HTTPS, proxy, NetworkPolicy, --realtimeregister-base-url), and run the check again."
	default:
		remedy = "Run the check again. If it persists, ask Realtime Register with this message."
	}
	c.Step(id, status, fmt.Sprintf("%s: %v.", what, err), remedy)
}
