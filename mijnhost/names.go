package mijnhost

import "strings"

// Canonical is the one form in which names are compared: absolute, lower-case,
// with the trailing dot. The API normally returns absolute names with the dot,
// but relative ones where they were written so; "@" and "" are the domain itself.
func Canonical(name, domain string) string {
	name, domain = strings.ToLower(name), Bare(domain)
	switch {
	case strings.HasSuffix(name, "."):
		return name
	case name == "" || name == "@":
		return domain + "."
	case Within(name, domain): // absolute, without the dot
		return name + "."
	default:
		return name + "." + domain + "."
	}
}

// Bare is a name as the API's paths want it: lower-case, without the trailing dot.
func Bare(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// Within tells whether name is domain or lies below it. Both are bare.
func Within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// Covering is the longest of the domains that covers name, and empty if none does: a zone cut below
// another one takes the name to itself.
func Covering(domains []string, name string) string {
	longest := ""
	for _, domain := range domains {
		if domain = Bare(domain); len(domain) > len(longest) && Within(Bare(name), domain) {
			longest = domain
		}
	}
	return longest
}

// IsDomain tells whether domain is a bare host name of at least two labels, and
// so can stand in a URL's path without changing its meaning.
func IsDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	if len(domain) > 253 || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
