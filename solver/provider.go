package solver

import (
	"context"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// Provider is what this package needs of a DNS host.
//
// Both methods end when ctx does. Their errors have constant texts that are fit for a Challenge's status and hold no
// secret. The result is valid beside an error.
type Provider interface {
	// Present adds the record. It succeeds if the record is there already.
	Present(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error)
	// CleanUp removes the record. It succeeds if the record is not there, and fails with a *dnshost.LeftBehindError
	// if it may be there and nothing can remove it any more.
	CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error)
}
