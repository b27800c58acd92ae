package check

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

var errName = errors.New("--domain must be a domain name with at least two labels, such as example.nl, not an IP address")

// parseName returns the name in ASCII, and whether it had the prefix "*." of a wildcard.
func parseName(text string) (name string, wildcard bool, err error) {
	name, wildcard = strings.CutPrefix(dnsname.TrimDot(text), "*.")
	name = dnsname.ToASCII(name)
	if _, err := netip.ParseAddr(name); err == nil || !dnsname.IsDomain(name) || len(name) > 200 { // leaves room for the labels of challenge and probe
		return "", false, errName
	}
	return name, wildcard, nil
}

// parent returns the name above a bare name, or "" for the root.
func parent(name string) string {
	_, above, _ := strings.Cut(name, ".")
	return above
}
