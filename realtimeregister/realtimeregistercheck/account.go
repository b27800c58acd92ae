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

// callTime limits one API call, including retries.
const callTime = 20 * time.Second

// account implements check.Account.
type account struct {
	host   *Host
	api    realtimeregister.Options
	client *realtimeregister.Client
	key    string
	calls  atomic.Int64

	zones map[string][]*realtimeregister.Zone // found zones by name
	zone  *realtimeregister.Zone              // for challenges; nil if undetermined
}

// Calls returns the number of requests so far.
func (a *account) Calls() int64 { return a.calls.Load() }

// Domains implements check.Account. It looks up one name instead of listing all zones, because an account can have many.
func (a *account) Domains(ctx context.Context, c *check.Check, origin string) (domains []string, accepted bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if _, err := a.client.Zones(call, c.Result.Name); err != nil {
		what := "Cannot verify the API key"
		switch {
		case errors.Is(err, apiclient.ErrKeyRefused):
			what = fmt.Sprintf("The API key from %s does not work", origin)
		case isForbidden(err):
			what = fmt.Sprintf("The API key from %s is not allowed to read zones", origin)
		}
		apiFault(ctx, c, check.StepKey, what, err)
		return nil, false
	}
	c.Step(check.StepKey, check.OK, fmt.Sprintf("Realtime Register accepts the API key from %s, and the key has VIEW_DNS_ZONE. "+
		"Only a write shows whether it has UPDATE_DNS_ZONE.", origin), "")
	return nil, true
}

// Unlisted implements check.Account. It looks up the zone as a challenge does.
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

// Managed implements check.Account. It chooses among zones with the same name and reports StepRecords as well.
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
	read, err := a.client.Zone(call, zone.ID) // as each challenge does; a list can omit records
	if err != nil {
		apiFault(ctx, c, check.StepManaged, fmt.Sprintf("Cannot read zone %s", domain), err)
		return zone.Nameservers, false
	}
	a.zone = read
	if why, remedy := unfit(read); why != "" {
		c.Step(check.StepManaged, check.Problem, why, remedy)
		return read.Nameservers, false
	}
	c.Step(check.StepManaged, check.OK, fmt.Sprintf("The %s zone %s is writable: not linked, secondary, empty or pending deletion.",
		read.Service, domain), "")
	a.checkRecords(c, read)
	c.Note("If a Challenge has presented: true and its spec.key is not among the TXT values at its name, another tool has replaced " +
		"the zone, and cert-manager does not write the value again. Fix: kubectl delete challenge NAME.")
	return read.Nameservers, true
}

// choose returns the zone that a challenge uses, or why there is none.
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
		why = fmt.Sprintf("Zone %s exists more than once: %s. The solver requires service to select one.", name, described(usable))
		return nil, why, "Set service in the Issuer's config, and --realtimeregister-service, to the one that the domain is delegated to."
	case a.host.Service != "":
		return nil, fmt.Sprintf("%s zone %s not found: %s.", a.host.Service, name, described(zones)),
			"Set service in the Issuer's config, and --realtimeregister-service, to the existing one."
	default:
		why, remedy = pendingDeletion(name)
		return nil, why, remedy
	}
}

func pendingDeletion(zone string) (why, remedy string) {
	return fmt.Sprintf("Zone %s is pending deletion.", zone), "Restore the zone in Realtime Register's portal, or contact support."
}

// described lists zones by service, with their nameservers.
func described(zones []*realtimeregister.Zone) string {
	var all []string
	for _, z := range zones {
		words := z.Service
		if z.IsPending() {
			words += " (pending deletion)"
		}
		if len(z.Nameservers) > 0 {
			words += " with nameservers " + check.List(z.Nameservers)
		}
		all = append(all, words)
	}
	return check.List(all)
}

// unfit returns why a zone must not be written, or "".
func unfit(z *realtimeregister.Zone) (why, remedy string) {
	const cname = ", or delegate the challenge to another zone by CNAME."
	switch {
	case z.Template() != "":
		return fmt.Sprintf("Zone %s is linked to template %s, so its records come from there.", z.Name, z.Template()), "Unlink the zone" + cname
	case z.Master() != "":
		return fmt.Sprintf("Zone %s is a secondary zone of %s, so its records come from there.", z.Name, z.Master()),
			"Use a solver for the DNS host of the primary zone" + cname
	case z.IsPending(): // the list did not show it
		return pendingDeletion(z.Name)
	case len(z.Records) == 0:
		return fmt.Sprintf("Zone %s has no records, or the API does not show them. The webhook does not write to such a zone.", z.Name),
			"Add a TXT record to the zone in Realtime Register's portal."
	}
	return "", ""
}

// Records implements check.Account.
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

// RemoveValue implements check.Account with the code that cleans up challenges.
func (a *account) RemoveValue(ctx context.Context, c *check.Check, domain, name, value string) error {
	leases, words := a.leases(c)
	api := a.api
	api.Leases = leases
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime) // updates are not interrupted
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

func apiFault(ctx context.Context, c *check.Check, id check.StepID, what string, err error) {
	c.APIFault(ctx, id, what, err, check.APIRemedies{
		BaseURLFlag: "--realtimeregister-base-url",
		Refusal: func(err error) string {
			switch {
			case errors.Is(err, apiclient.ErrKeyRefused):
				return "Check that the key is complete, not revoked and for this environment: the test environment has separate keys " +
					"(--realtimeregister-base-url). If the key is restricted to IP addresses, add this system's public address."
			case isForbidden(err):
				return "Grant the key's user VIEW_DNS_ZONE and UPDATE_DNS_ZONE in Realtime Register's portal. If the key is restricted to IP addresses, " +
					"add this system's public address."
			}
			return ""
		},
		Other: "Run the check again. If it persists, contact Realtime Register with this message.",
	})
}
