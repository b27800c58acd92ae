// Package check implements `webhook check`: steps that find what prevents certificates for a domain, each with a fix.
// It knows DNS and CAs. Host is the interface to a DNS host.
package check
