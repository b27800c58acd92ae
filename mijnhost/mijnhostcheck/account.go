package mijnhostcheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// callTime bounds one call of the API, with all its attempts.
const callTime = 20 * time.Second

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
	flags.StringVar(&h.API.BaseURL, "mijnhost-base-url", mijnhost.DefaultBaseURL, "Address of the mijn.host API")
}

// Validate looks at the API's address.
func (h *Host) Validate() error { return h.ValidateBaseURL(h.API.BaseURL) }

// Open makes a client for the key.
func (h *Host) Open(key string) check.Account {
	a := &account{}
	api := h.API
	if api.Transport == nil {
		api.Transport = apiclient.NewTransport()
	}
	api.Transport = counting{api.Transport, &a.calls}
	a.client = mijnhost.NewClient(api, key)
	return a
}

// account is what a key opens.
type account struct {
	client *mijnhost.Client
	calls  atomic.Int64
}

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

// Domains tells whether the API takes the key, and which domains it opens.
func (a *account) Domains(ctx context.Context, c *check.Check, origin string) (domains []string, accepted bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	domains, err := a.client.ListDomains(call)
	if err != nil {
		what := "Whether the API key is good could not be told"
		if errors.Is(err, apiclient.ErrKeyRefused) {
			what = fmt.Sprintf("The API key from %s is not accepted", origin)
		}
		apiFault(ctx, c, check.StepKey, what, err)
		return nil, false
	}
	for i, d := range domains {
		domains[i] = dnsname.TrimDot(d)
	}
	c.Step(check.StepKey, check.OK, fmt.Sprintf("mijn.host accepts the API key from %s.", origin), "")
	return domains, true
}

// Managed tells whether the domain's records are at mijn.host, and what the API says of the domain. The details are
// not documented by mijn.host, so the records themselves decide.
func (a *account) Managed(ctx context.Context, c *check.Check, domain string) (nameservers []string, managed bool) {
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	detail, detailErr := a.client.Domain(call, domain)
	if _, err := a.client.Records(call, domain); err != nil {
		switch {
		case errors.Is(err, mijnhost.ErrNotManaged), detailErr == nil && detail.ManagedDNS != nil && !*detail.ManagedDNS:
			c.Step(check.StepManaged, check.Problem, fmt.Sprintf("The DNS of %s is not managed by mijn.host.", domain),
				fmt.Sprintf("In mijn.host's control panel let %s use the nameservers of mijn.host, or use the webhook of its DNS host.", domain))
		default:
			apiFault(ctx, c, check.StepManaged, fmt.Sprintf("The records of %s cannot be read", domain), err)
		}
		return detail.Nameservers, false
	}
	c.Step(check.StepManaged, check.OK, fmt.Sprintf("mijn.host manages the DNS of %s.", domain), "")
	return detail.Nameservers, true
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
		remedy = "Check the key and its expiry date in mijn.host's control panel under Account, API Access; if it has a list of IP " +
			"addresses, add the one from which this system reaches the internet."
	case errors.Is(err, apiclient.ErrRateLimited):
		status, remedy = check.Unknown, "Run the check again in some minutes. If it stays so, find what else uses this API key."
	case errors.Is(err, apiclient.ErrUnavailable):
		status, remedy = check.Unknown, "See whether this system may reach the API (HTTPS, proxy, NetworkPolicy, --mijnhost-base-url), and run the check again."
	default:
		remedy = "Run the check again, for mijn.host is known to refuse now and then without a cause. If it stays so, ask mijn.host with this message."
	}
	c.Step(id, status, fmt.Sprintf("%s: %v.", what, err), remedy)
}
