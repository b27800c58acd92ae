// Package dnshost has the values that the solver and the package of a DNS host exchange. Neither of them knows the other.
package dnshost

import (
	"crypto/sha256"
	"encoding/hex"
)

// TXT is one TXT record for a DNS-01 challenge.
type TXT struct {
	// Zone is the zone of FQDN in public DNS. Both end in a dot.
	Zone, FQDN string
	Value      string
	// TTL in seconds; 0 means the host's default.
	TTL int
	// Delegated: a CNAME led to FQDN, so that challenges of other DNS names can use it at the same time. cert-manager runs those
	// of one DNS name in turn.
	Delegated bool
	// Service tells apart zones of one name, where a host can have them; empty where it need not.
	Service string
}

// Result is what a host learned, for logs and metrics. It is valid beside an error, too.
type Result struct {
	// Domain is the domain of the account that has the name; empty if none was found.
	Domain string
	// Calls counts the attempts sent to the API, also those that it shared with other challenges.
	Calls int
	// Shared is how many challenges the calls were for; 0 and 1 mean this one alone.
	Shared int
}

// Needed are the values that challenges still need.
type Needed struct {
	// Owners are the challenges by value, each as NAMESPACE/NAME.
	Owners map[string]string
	// Unknown: the cluster does not say, and the process's own memory decides.
	Unknown bool
}

// LeftBehindError is a clean-up that nothing can do any more, now or later: the record may stay.
type LeftBehindError struct{ Reason error }

func (e *LeftBehindError) Error() string { return e.Reason.Error() }

// Unwrap returns the reason.
func (e *LeftBehindError) Unwrap() error { return e.Reason }

// Fingerprint stands for a challenge's value in logs and traces: the first eight bytes of its SHA-256, in hex.
func Fingerprint(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:8])
}
