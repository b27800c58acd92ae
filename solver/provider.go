package solver

import "context"

// Provider is what this package needs of a DNS host: putting one TXT value into a zone and
// taking that one value out again.
//
// Both methods end when ctx does. Their errors have constant texts that are fit for a
// Challenge's status and hold no secret.
type Provider interface {
	// AddTXT makes value stand under fqdn, with a TTL in seconds. It is success if
	// it stands there already. zone is the zone that holds fqdn in public DNS.
	AddTXT(ctx context.Context, apiKey, zone, fqdn, value string, ttl int) error
	// RemoveTXT makes value no longer stand under fqdn. It is success if it does
	// not stand there, or if nothing can be done about it any more.
	RemoveTXT(ctx context.Context, apiKey, zone, fqdn, value string) error
}
