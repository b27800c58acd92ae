package check

import (
	"errors"
	"strings"
)

var errName = errors.New("--domain must be a domain name in ASCII of at least two labels, such as example.nl")

// parseName takes the name to check apart. "*." asks about a wildcard certificate.
func parseName(text string) (name string, wildcard bool, err error) {
	name, wildcard = strings.CutPrefix(bare(text), "*.")
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 200 { // so that the labels of challenge and probe find room
		return "", false, errName
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", false, errName
		}
	}
	return name, wildcard, nil
}

// bare is a name in the form in which it is shown: lower-case, without the final dot.
func bare(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// within tells whether a bare name is domain or lies below it.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// covering is the longest of the domains that a bare name lies in; empty for none.
func covering(domains []string, name string) string {
	longest := ""
	for _, d := range domains {
		if d = bare(d); len(d) > len(longest) && within(name, d) {
			longest = d
		}
	}
	return longest
}

// parent is the name above a bare name; empty for the root.
func parent(name string) string {
	_, above, _ := strings.Cut(name, ".")
	return above
}

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
	case within(strings.ToLower(name), domain):
		return formNoDot
	default:
		return formRelative
	}
}

// absolute makes a name of the API bare, whichever form it has.
func absolute(name, domain string) string {
	switch {
	case name == "" || name == "@":
		return domain
	case formOf(name, domain) == formRelative:
		return strings.ToLower(name) + "." + domain
	default:
		return bare(name)
	}
}

// unquoted is a TXT value without the quotes of zone-file notation.
func unquoted(value string) string {
	if isQuoted(value) {
		return value[1 : len(value)-1]
	}
	return value
}

func isQuoted(value string) bool {
	return len(value) >= 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`)
}
