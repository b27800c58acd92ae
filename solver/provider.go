package solver

import (
	"context"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// Provider writes TXT records at a DNS host.
//
// Both methods return when ctx ends. Their errors go into a Challenge's status: the text is constant and contains no secret.
// The result is valid even if the error is not nil.
type Provider interface {
	// Present adds the record. It succeeds if the record already exists.
	Present(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error)
	// CleanUp removes the record. It succeeds if the record does not exist, and returns a *dnshost.LeftBehindError if the
	// record may exist and can never be removed.
	CleanUp(ctx context.Context, apiKey string, r dnshost.TXT) (dnshost.Result, error)
}
