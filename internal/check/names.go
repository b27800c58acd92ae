package check

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

var errName = errors.New("--domain must be a domain name of at least two labels, such as example.nl, and no IP address")

// parseName takes the name to check apart. "*." asks about a wildcard certificate. The name is returned in ASCII.
func parseName(text string) (name string, wildcard bool, err error) {
	name, wildcard = strings.CutPrefix(dnsname.TrimDot(text), "*.")
	name = dnsname.ToASCII(name)
	if _, err := netip.ParseAddr(name); err == nil || !dnsname.IsDomain(name) || len(name) > 200 { // so that the labels of challenge and probe find room
		return "", false, errName
	}
	return name, wildcard, nil
}

// parent is the name above a bare name; empty for the root.
func parent(name string) string {
	_, above, _ := strings.Cut(name, ".")
	return above
}
