package mijnhostcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

const (
	// callTime bounds one API call, including retries.
	callTime = 20 * time.Second
	// confirmPause is the pause before a refusal is confirmed, because some refusals are temporary.
	confirmPause = 5 * time.Second
)

// Host implements check.Host for mijn.host.
type Host struct {
	// API configures the client.
	API mijnhost.Options
	// KeyVariable is the environment variable for its API key.
	KeyVariable string
	// ValidateBaseURL returns an error for a URL that must not get the key.
	ValidateBaseURL func(string) error
}

// Name implements check.Host.
func (*Host) Name() string { return "mijn.host" }

// Key implements check.Host.
func (h *Host) Key() check.Key {
	return check.Key{Variable: h.KeyVariable, From: "mijn.host's control panel (Account, API Access)"}
}

// AddFlags implements check.Host.
func (h *Host) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&h.API.BaseURL, "mijnhost-base-url", cmp.Or(h.API.BaseURL, mijnhost.DefaultBaseURL), "URL of the mijn.host API (default: $MIJNHOST_BASE_URL)")
}

// Validate implements check.Host.
func (h *Host) Validate() error { return h.ValidateBaseURL(h.API.BaseURL) }

// Open implements check.Host.
func (h *Host) Open(key string) check.Account {
	a := &account{listed: map[string]string{}}
	api := h.API
	if api.Transport == nil {
		api.Transport = apiclient.NewTransport()
	}
	api.Transport = check.CountCalls(api.Transport, &a.calls)
	a.client = mijnhost.NewClient(api, key)
	a.api, a.key = api, key
	return a
}

// account implements check.Account.
type account struct {
	client *mijnhost.Client
	calls  atomic.Int64
	listed map[string]string // the form in which the API lists a domain, by its form in ASCII

	api     mijnhost.Options
	key     string
	records []mijnhost.Record // of the domain that was read last
}

// asListed returns a domain in the form in which the API lists it.
func (a *account) asListed(domain string) string { return cmp.Or(a.listed[domain], domain) }

// Calls returns the number of requests so far.
func (a *account) Calls() int64 { return a.calls.Load() }

// Domains implements check.Account.
func (a *account) Domains(ctx context.Context, c *check.Check, origin string) (domains []string, accepted bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	domains, err := a.client.ListDomains(call)
	if err != nil {
		what := "Cannot verify the API key"
		if errors.Is(err, apiclient.ErrKeyRefused) {
			what = fmt.Sprintf("The API key from %s does not work", origin)
		}
		if errors.Is(err, mijnhost.ErrAddressRefused) {
			a.showAddress(call, c)
		}
		apiFault(ctx, c, check.StepKey, what, err)
		return nil, false
	}
	for i, d := range domains {
		domains[i] = dnsname.ToASCII(d)
		a.listed[domains[i]] = strings.TrimSuffix(d, ".")
	}
	c.Step(check.StepKey, check.OK, fmt.Sprintf("mijn.host accepts the API key from %s.", origin), "")
	return domains, true
}

// showAddress shows the user this system's address as the API sees it.
func (a *account) showAddress(ctx context.Context, c *check.Check) {
	if address, err := a.client.WhoAmI(ctx); err == nil && address != "" {
		c.Aside("mijn.host sees this system as IP address " + address + ". The report does not contain it.")
	}
}

// Unlisted reads the records of each parent, as the webhook does.
func (a *account) Unlisted(ctx context.Context, name string) (domain string, err error) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for parent := dnsname.Parent(name); dnsname.IsDomain(parent); parent = dnsname.Parent(parent) {
		err := repeatRefused(func() error { return a.readRecords(call, parent) })
		switch {
		case err == nil, errors.Is(err, mijnhost.ErrNotManaged):
			return parent, nil
		case !apiclient.IsRefusal(err):
			return "", err
		}
	}
	return "", nil
}

func (a *account) readRecords(ctx context.Context, domain string) error {
	var err error
	a.records, err = a.client.Records(ctx, a.asListed(domain))
	return err
}

// Managed implements check.Account. Whether the records can be read decides, because mijn.host does not document the fields of a
// domain. A refusal must be confirmed by managed_dns or by a second read.
func (a *account) Managed(ctx context.Context, c *check.Check, domain string) (nameservers []string, managed bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	detail, _ := a.client.Domain(call, a.asListed(domain))
	isElsewhere := detail.ManagedDNS != nil && !*detail.ManagedDNS
	err := a.readRecords(call, domain)
	if errors.Is(err, mijnhost.ErrNotManaged) && !isElsewhere && check.Pause(call, confirmPause) == nil {
		err = a.readRecords(call, domain)
		isElsewhere = detail.ManagedDNS == nil && errors.Is(err, mijnhost.ErrNotManaged)
	}
	switch {
	case err == nil:
		c.Step(check.StepManaged, check.OK, fmt.Sprintf("mijn.host hosts the DNS of %s.", domain), "")
	case isElsewhere:
		c.Step(check.StepManaged, check.Problem, fmt.Sprintf("The DNS of %s is not hosted at mijn.host.", domain),
			fmt.Sprintf("Set the nameservers of %s to mijn.host's in its control panel, or use a solver for the current DNS host.", domain))
	default:
		apiFault(ctx, c, check.StepManaged, fmt.Sprintf("Cannot read the records of %s", domain), err)
	}
	return detail.Nameservers, err == nil
}

func apiFault(ctx context.Context, c *check.Check, id check.StepID, what string, err error) {
	c.APIFault(ctx, id, what, err, check.APIRemedies{
		BaseURLFlag: "--mijnhost-base-url",
		Refusal: func(err error) string {
			switch {
			case errors.Is(err, mijnhost.ErrAddressRefused):
				return "Add this system's public IP address to the key's list in mijn.host's control panel (Account, API Access)."
			case errors.Is(err, apiclient.ErrKeyRefused):
				return "Check the key and its expiry date in mijn.host's control panel (Account, API Access). If the key has a list of IP addresses, " +
					"add this system's public address."
			}
			return ""
		},
		Other: "Run the check again: mijn.host sometimes refuses valid requests. If it persists, contact mijn.host with this message.",
	})
}
