package realtimeregistercheck

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

const hostName = "Realtime Register"

// Host implements check.Host for Realtime Register.
type Host struct {
	// API configures the client. Its Leases are set for each write.
	API realtimeregister.Options
	// KeyVariable is the environment variable for its API key.
	KeyVariable string
	// ValidateBaseURL returns an error for a URL that must not get the key.
	ValidateBaseURL func(string) error
	// LeaseNamespace is the namespace of the webhook's Leases; empty if unknown.
	LeaseNamespace string
	// Service selects one of two zones with the same name; empty if there is only one.
	Service string
}

// Name implements check.Host.
func (*Host) Name() string { return hostName }

// Provider implements check.Host.
func (*Host) Provider() string { return "realtime-register" }

// Risk implements check.Host.
func (*Host) Risk() string {
	return "An update at Realtime Register replaces all records of a zone: a change that another client makes in the same seconds " +
		"is lost, or the probe is."
}

// Key implements check.Host.
func (h *Host) Key() check.Key {
	return check.Key{Variable: h.KeyVariable, From: "Realtime Register's portal (an API key of a user with VIEW_DNS_ZONE and UPDATE_DNS_ZONE)"}
}

// AddFlags implements check.Host.
func (h *Host) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&h.API.BaseURL, "realtimeregister-base-url", cmp.Or(h.API.BaseURL, realtimeregister.DefaultBaseURL), "URL of the Realtime Register API (default: $REALTIMEREGISTER_BASE_URL)")
	flags.StringVar(&h.Service, "realtimeregister-service", h.Service,
		"Zone to use if two have the same name, as service in the Issuer's config: "+strings.Join(realtimeregister.Services(), " or "))
	flags.StringVar(&h.LeaseNamespace, "lease-namespace", h.LeaseNamespace,
		"Namespace of the webhook's Leases, so that a probe and the webhook do not write a zone at the same time (default: $POD_NAMESPACE)")
}

// Validate implements check.Host.
func (h *Host) Validate() error {
	if h.Service != "" && !slices.Contains(realtimeregister.Services(), h.Service) {
		return errors.New("--realtimeregister-service must be " + strings.Join(realtimeregister.Services(), " or "))
	}
	return h.ValidateBaseURL(h.API.BaseURL)
}

// Open implements check.Host.
func (h *Host) Open(key string) check.Account {
	a := &account{host: h, key: key, zones: map[string][]*realtimeregister.Zone{}}
	a.api = h.API
	if a.api.Transport == nil {
		a.api.Transport = apiclient.NewTransport()
	}
	a.api.Transport = check.CountCalls(a.api.Transport, &a.calls)
	a.client = realtimeregister.NewClient(a.api, key)
	return a
}
