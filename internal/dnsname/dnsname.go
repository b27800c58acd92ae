// Package dnsname compares and validates DNS names. It returns them in lower case.
package dnsname

import (
	"strings"

	"golang.org/x/net/idna"
)

// FQDN returns name in lower case with the final dot.
func FQDN(name string) string { return TrimDot(name) + "." }

// TrimDot returns name in lower case without the final dot.
func TrimDot(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// Qualify returns the FQDN of a record in zone. The name can be absolute, with or without the final dot, relative, "@" or empty.
func Qualify(name, zone string) string {
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, "."):
		return lower
	case lower == "" || lower == "@":
		return FQDN(zone)
	case IsSubdomain(lower, zone):
		return lower + "."
	default:
		return lower + "." + FQDN(zone)
	}
}

// IsSubdomain reports whether name is zone or below it. Case and final dots do not matter. The root zone is ".".
func IsSubdomain(name, zone string) bool {
	return zone == "." || strings.HasSuffix("."+TrimDot(name), "."+TrimDot(zone))
}

// LongestMatch returns the longest zone that contains name, or "". It compares names in ASCII, and returns the zone as given but
// without the final dot.
func LongestMatch(zones []string, name string) string {
	longest, match := "", ""
	for _, zone := range zones {
		if ascii := ToASCII(zone); len(ascii) > len(longest) && IsSubdomain(ToASCII(name), ascii) {
			longest, match = ascii, strings.TrimSuffix(zone, ".")
		}
	}
	return match
}

// ToASCII returns TrimDot(name) with its labels in Punycode (RFC 5891), or unchanged if that is not possible.
func ToASCII(name string) string {
	name = TrimDot(name)
	ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false)).ToASCII(name)
	if err != nil {
		return name
	}
	return ascii
}

// Parent returns name without its first label, and "" for a top-level domain.
func Parent(name string) string {
	_, above, _ := strings.Cut(TrimDot(name), ".")
	return above
}

// IsValid reports whether name has at most 253 characters and labels of 1 to 63 letters, digits, hyphens and underscores, without
// hyphens at their ends (RFC 1035, section 2.3). The final dot is optional. Such a name needs no escaping in a URL.
func IsValid(name string) bool {
	name = TrimDot(name)
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// IsDomain reports whether name is valid, in lower case without the final dot, and has at least two labels.
func IsDomain(name string) bool {
	return name == TrimDot(name) && strings.Contains(name, ".") && IsValid(name)
}
