// Package dnsname compares and checks DNS names. Names are lower case in what it returns.
package dnsname

import (
	"strings"

	"golang.org/x/net/idna"
)

// maxLength is the length of the longest name without the final dot (RFC 1035, section 2.3.4).
const maxLength = 253

// FQDN is name in the form in which names are compared: lower case, with the final dot.
func FQDN(name string) string { return TrimDot(name) + "." }

// TrimDot is name in lower case without the final dot.
func TrimDot(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// Qualify is the FQDN of a record of zone whose name may be absolute with or without the final dot, relative, "@" or empty.
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

// IsSubdomain reports whether name is zone or lies below it, in any case and with or without final dots. Every name lies
// below the root, ".".
func IsSubdomain(name, zone string) bool {
	name, root := TrimDot(name), zone == "."
	zone = TrimDot(zone)
	return root || name == zone || strings.HasSuffix(name, "."+zone)
}

// LongestMatch is the longest of the zones that name is in, and empty if there is none: a zone cut below another one takes
// the name to itself. Zones are compared in their ASCII form, and returned as they are but for the final dot.
func LongestMatch(zones []string, name string) string {
	longest, match := "", ""
	for _, zone := range zones {
		if ascii := ToASCII(zone); len(ascii) > len(longest) && IsSubdomain(ToASCII(name), ascii) {
			longest, match = ascii, strings.TrimSuffix(zone, ".")
		}
	}
	return match
}

// ToASCII is TrimDot of name with its labels in Punycode (RFC 5891). A name that has no such form is returned as TrimDot has it.
func ToASCII(name string) string {
	name = TrimDot(name)
	ascii, err := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false)).ToASCII(name)
	if err != nil {
		return name
	}
	return ascii
}

// Parent is the name above name; empty above a top-level domain.
func Parent(name string) string {
	_, above, _ := strings.Cut(TrimDot(name), ".")
	return above
}

// IsValid reports whether name is one that ACME can ask for: labels of letters, digits, hyphens and underscores, of at most 63
// characters, that neither begin nor end with a hyphen. The final dot is optional. Nothing in such a name has a meaning in a URL.
func IsValid(name string) bool {
	name = TrimDot(name)
	if len(name) > maxLength {
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

// IsDomain reports whether name is valid, in the form of TrimDot, and has at least two labels.
func IsDomain(name string) bool {
	return name == TrimDot(name) && strings.Contains(name, ".") && IsValid(name)
}
