package mijnhostcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
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
	// callTime bounds one call of the API, with all its attempts.
	callTime = 20 * time.Second
	// confirmPause is how much later a second answer is a confirmation: some refusals pass.
	confirmPause = 5 * time.Second
)

// Host is mijn.host.
type Host struct {
	// API says how it is reached.
	API mijnhost.Options
	// KeyVariable is the environment variable that can hold its key.
	KeyVariable string
	// ValidateBaseURL refuses an address to which the key must not go.
	ValidateBaseURL func(string) error
}

// Name is its domain.
func (*Host) Name() string { return "mijn.host" }

// Key is one that the control panel gives.
func (h *Host) Key() check.Key {
	return check.Key{Variable: h.KeyVariable, From: "mijn.host's control panel (Account, API Access)"}
}

// AddFlags adds the API's address.
func (h *Host) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&h.API.BaseURL, "mijnhost-base-url", cmp.Or(h.API.BaseURL, mijnhost.DefaultBaseURL), "Address of the mijn.host API")
}

// Validate looks at the API's address.
func (h *Host) Validate() error { return h.ValidateBaseURL(h.API.BaseURL) }

// Open makes a client for the key.
func (h *Host) Open(key string) check.Account {
	a := &account{listed: map[string]string{}}
	api := h.API
	if api.Transport == nil {
		api.Transport = apiclient.NewTransport()
	}
	api.Transport = counting{api.Transport, &a.calls}
	a.client = mijnhost.NewClient(api, key)
	a.api, a.key = api, key
	return a
}

// account is what a key opens.
type account struct {
	client *mijnhost.Client
	calls  atomic.Int64
	listed map[string]string // the form in which the API lists a domain, by its form in ASCII

	api     mijnhost.Options
	key     string
	records []mijnhost.Record // of the domain that was read last
}

// asListed is the form in which the API lists a domain.
func (a *account) asListed(domain string) string { return cmp.Or(a.listed[domain], domain) }

// Calls is how many requests were sent so far.
func (a *account) Calls() int64 { return a.calls.Load() }

// counting counts the requests that go through it.
type counting struct {
	through http.RoundTripper
	calls   *atomic.Int64
}

// RoundTrip counts and passes on.
func (t counting) RoundTrip(r *http.Request) (*http.Response, error) {
	t.calls.Add(1)
	return t.through.RoundTrip(r)
}

// Domains reports whether the API takes the key, and which domains it opens.
func (a *account) Domains(ctx context.Context, c *check.Check, origin string) (domains []string, accepted bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	domains, err := a.client.ListDomains(call)
	if err != nil {
		what := "Cannot verify the API key"
		if errors.Is(err, apiclient.ErrKeyRefused) {
			what = fmt.Sprintf("The API key from %s is not accepted", origin)
		}
		if errors.Is(err, mijnhost.ErrAddressRefused) {
			a.tellAddress(call, c)
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

// tellAddress tells the address that the API sees, if it says so.
func (a *account) tellAddress(ctx context.Context, c *check.Check) {
	if address, err := a.client.WhoAmI(ctx); err == nil && address != "" {
		c.Aside("The IP address of this system, as mijn.host sees it, is " + address + ". The report leaves it out.")
	}
}

// Unlisted asks for the records of each parent: that is the test which the webhook itself goes by.
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

// Managed reports whether the domain's records are at mijn.host, and what the API says of the domain. The details are
// not documented by mijn.host, so the records themselves decide. That they are not managed takes the details or a second answer.
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
		c.Step(check.StepManaged, check.OK, fmt.Sprintf("mijn.host manages the DNS of %s.", domain), "")
	case isElsewhere:
		c.Step(check.StepManaged, check.Problem, fmt.Sprintf("The DNS of %s is not managed by mijn.host.", domain),
			fmt.Sprintf("In mijn.host's control panel let %s use the nameservers of mijn.host, or use the webhook of its DNS host.", domain))
	default:
		apiFault(ctx, c, check.StepManaged, fmt.Sprintf("The records of %s cannot be read", domain), err)
	}
	return detail.Nameservers, err == nil
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
	case errors.Is(err, mijnhost.ErrAddressRefused):
		remedy = "In mijn.host's control panel, under Account, API Access, add the IP address from which this system reaches the internet " +
			"to the key's list."
	case errors.Is(err, apiclient.ErrKeyRefused):
		remedy = "Check the key and its expiry date in mijn.host's control panel under Account, API Access; if it has a list of IP " +
			"addresses, add the one from which this system reaches the internet."
	case errors.Is(err, apiclient.ErrRateLimited):
		status, remedy = check.Unknown, "Run the check again in some minutes. If it persists, find what else uses this API key."
	case errors.Is(err, apiclient.ErrUnavailable):
		status, remedy = check.Unknown, "Check that this system can reach the API (HTTPS, proxy, NetworkPolicy, --mijnhost-base-url), and run the check again."
	default:
		remedy = "Run the check again, because mijn.host sometimes refuses requests without a cause. If it persists, ask mijn.host with this message."
	}
	c.Step(id, status, fmt.Sprintf("%s: %v.", what, err), remedy)
}
