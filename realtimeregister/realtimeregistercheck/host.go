package realtimeregistercheck

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

const hostName = "Realtime Register"

// Host is Realtime Register.
type Host struct {
	// API says how it is reached. Its Leases are made for a probe.
	API realtimeregister.Options
	// KeyVariable is the environment variable that can hold its key.
	KeyVariable string
	// ValidateBaseURL refuses an address to which the key must not go.
	ValidateBaseURL func(string) error
	// LeaseNamespace is where the webhook has its Leases; empty if that is not known.
	LeaseNamespace string
	// Service tells a BASIC and a PREMIUM zone of one name apart; empty if there is one alone.
	Service string
}

// Name is its own.
func (*Host) Name() string { return hostName }

// Provider is the name of its solver.
func (*Host) Provider() string { return "realtime-register" }

// Risk is that of every update.
func (*Host) Risk() string {
	return "An update replaces all records of a zone at Realtime Register: anything another client writes to the zone in the same seconds " +
		"is lost, and so is the probe if another client writes last."
}

// Key is one that the portal gives.
func (h *Host) Key() check.Key {
	return check.Key{Variable: h.KeyVariable, From: "Realtime Register's portal (an API key of a user with VIEW_DNS_ZONE and UPDATE_DNS_ZONE)"}
}

// AddFlags adds the API's address, and what a config of the Issuer and the webhook's server can say.
func (h *Host) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&h.API.BaseURL, "realtimeregister-base-url", cmp.Or(h.API.BaseURL, realtimeregister.DefaultBaseURL), "Address of the Realtime Register API")
	flags.StringVar(&h.Service, "realtimeregister-service", h.Service,
		"Which of two zones of one name, as service in the Issuer's config: "+strings.Join(realtimeregister.Services(), " or "))
	flags.StringVar(&h.LeaseNamespace, "lease-namespace", h.LeaseNamespace,
		"Namespace of the webhook's Leases (default: the environment's POD_NAMESPACE). With it a probe keeps clear of the webhook")
}

// Validate looks at the flags.
func (h *Host) Validate() error {
	if h.Service != "" && !slices.Contains(realtimeregister.Services(), h.Service) {
		return errors.New("--realtimeregister-service must be " + strings.Join(realtimeregister.Services(), " or "))
	}
	return h.ValidateBaseURL(h.API.BaseURL)
}

// Open makes a client for the key.
func (h *Host) Open(key string) check.Account {
	a := &account{host: h, key: key, zones: map[string][]*realtimeregister.Zone{}}
	a.api = h.API
	if a.api.Transport == nil {
		a.api.Transport = apiclient.NewTransport()
	}
	a.api.Transport = counting{a.api.Transport, &a.calls}
	a.client = realtimeregister.NewClient(a.api, key)
	return a
}

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
