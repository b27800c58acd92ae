// Package dnshost has the types that the solver and the packages of DNS hosts share, so that neither imports the other.
package dnshost

import (
	"crypto/sha256"
	"encoding/hex"
)

// TXT is one TXT record for a DNS-01 challenge.
type TXT struct {
	// Zone is the zone of FQDN in public DNS. Both have the final dot.
	Zone, FQDN string
	Value      string
	// TTL in seconds; 0 means the host's default.
	TTL int
	// Delegated: FQDN is the target of a CNAME, so challenges of several DNS names can use it at once. cert-manager runs the
	// challenges of one DNS name one after the other.
	Delegated bool
	// Service distinguishes zones of the same name, if the host can have them.
	Service string
}

// Result is for logs and metrics. It is valid even with an error.
type Result struct {
	// Domain is the domain of the account that contains the name, or "".
	Domain string
	// Calls counts the attempts sent to the API, including shared ones.
	Calls int
	// Shared is the number of challenges that shared the calls; 0 and 1 mean only this one.
	Shared int
}

// Needed has the values that challenges still need.
type Needed struct {
	// Owners maps each value to its Challenge, as NAMESPACE/NAME.
	Owners map[string]string
	// Unknown: the webhook cannot list Challenges, and relies on its own memory.
	Unknown bool
}

// LeftBehindError means that no retry of a clean-up can succeed and the record may remain.
type LeftBehindError struct{ Reason error }

func (e *LeftBehindError) Error() string { return e.Reason.Error() }

// Unwrap returns the reason.
func (e *LeftBehindError) Unwrap() error { return e.Reason }

// Fingerprint returns the first eight bytes of the value's SHA-256, in hex, for logs and traces.
func Fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:8])
}
