package mijnhostcheck

import (
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// The forms of a name in the API.
const (
	formAbsolute = "absolute"
	formNoDot    = "absolute-without-dot"
	formRelative = "relative"
)

// formOf returns the form of a name within a bare domain.
func formOf(name, domain string) string {
	switch {
	case strings.HasSuffix(name, "."):
		return formAbsolute
	case dnsname.IsSubdomain(name, domain):
		return formNoDot
	default:
		return formRelative
	}
}

// absolute converts a name of the API, in any form, to a bare absolute name.
func absolute(name, domain string) string {
	return dnsname.TrimDot(dnsname.Qualify(name, domain))
}
