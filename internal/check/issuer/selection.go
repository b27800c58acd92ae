package issuer

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// weight is how specific a match is. cert-manager compares the fields in this order.
type weight struct{ names, zones, labels int }

func (w weight) exceeds(other weight) bool {
	switch {
	case w.names != other.names:
		return w.names > other.names
	case w.zones != other.zones:
		return w.zones > other.zones
	default:
		return w.labels > other.labels
	}
}

// choose returns the index of the solver that cert-manager uses for a name, or -1 if none matches. Exact dnsNames win over the
// longest of dnsZones, then the number of matchLabels counts, then the order. CAs offer only DNS-01 for a wildcard.
func choose(solvers []acmeSolver, name string, labels map[string]string) int {
	chosen, best := -1, weight{}
	for i, s := range solvers {
		if s.DNS01 == nil && strings.HasPrefix(name, "*.") {
			continue
		}
		w, ok := s.Selector.match(name, labels)
		if ok && (chosen < 0 || w.exceeds(best)) {
			chosen, best = i, w
		}
	}
	return chosen
}

func (s *selector) match(name string, labels map[string]string) (w weight, ok bool) {
	if s == nil {
		return w, true
	}
	for label, value := range s.MatchLabels {
		if has, there := labels[label]; !there || has != value {
			return w, false
		}
	}
	w.labels = len(s.MatchLabels)
	if len(s.DNSNames) > 0 {
		if w.names = 1; !slices.Contains(s.DNSNames, name) {
			return w, false
		}
	}
	for _, zone := range s.DNSZones {
		if n := dns.CompareDomainName(zone, name); n == dns.CountLabel(zone) {
			w.zones = max(w.zones, n)
		}
	}
	return w, len(s.DNSZones) == 0 || w.zones > 0
}

// intended returns the solvers with selectors in lower case and without final dots, as names in certificates are, and the
// entries that differ.
func intended(solvers []acmeSolver) (normal []acmeSolver, odd []string) {
	normal = slices.Clone(solvers)
	for i, s := range normal {
		if s.Selector == nil {
			continue
		}
		plain := selector{MatchLabels: maps.Clone(s.Selector.MatchLabels)}
		for _, n := range s.Selector.DNSNames {
			plain.DNSNames = append(plain.DNSNames, dnsname.TrimDot(n))
		}
		for _, z := range s.Selector.DNSZones {
			plain.DNSZones = append(plain.DNSZones, dnsname.TrimDot(z))
		}
		for _, n := range append(slices.Clone(s.Selector.DNSNames), s.Selector.DNSZones...) {
			if n != dnsname.TrimDot(n) {
				odd = append(odd, n)
			}
		}
		normal[i].Selector = &plain
	}
	return normal, odd
}
