package mijnhost

import "strings"

// canonical is the one form in which names are compared: absolute, lower-case,
// with the trailing dot. The API normally returns absolute names with the dot,
// but relative ones where they were written so; "@" and "" are the domain itself.
func canonical(name, domain string) string {
	name, domain = strings.ToLower(name), bare(domain)
	switch {
	case strings.HasSuffix(name, "."):
		return name
	case name == "" || name == "@":
		return domain + "."
	case within(name, domain): // absolute, without the dot
		return name + "."
	default:
		return name + "." + domain + "."
	}
}

// bare is a name as the API's paths want it: lower-case, without the trailing dot.
func bare(name string) string {
	return strings.TrimSuffix(strings.ToLower(name), ".")
}

// within tells whether name is domain or lies below it. Both are bare.
func within(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// covering is the longest of the domains that covers name: a zone cut below
// another one takes the name to itself.
func covering(domains []string, name string) (string, bool) {
	longest := ""
	for _, domain := range domains {
		if domain = bare(domain); len(domain) > len(longest) && within(bare(name), domain) {
			longest = domain
		}
	}
	return longest, longest != ""
}

// isDomain tells whether domain is a bare host name of at least two labels, and
// so can stand in a URL's path without changing its meaning.
func isDomain(domain string) bool {
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
