package mijnhostcheck

import (
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// The forms in which the API can show a name.
const (
	formAbsolute = "absolute"
	formNoDot    = "absolute-without-dot"
	formRelative = "relative"
)

// formOf tells in which form name is written, as a name within a bare domain.
func formOf(name, domain string) string {
	switch {
	case strings.HasSuffix(name, "."):
		return formAbsolute
	case dnsname.IsSubdomain(strings.ToLower(name), domain):
		return formNoDot
	default:
		return formRelative
	}
}

// absolute makes a name of the API bare, whichever form it has.
func absolute(name, domain string) string {
	return dnsname.TrimDot(dnsname.Qualify(name, domain))
}
