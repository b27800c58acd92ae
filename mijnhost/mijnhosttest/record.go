package mijnhosttest

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Record is one DNS record, as the API represents it. (D)
type Record struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	TTL   int    `json:"ttl"`
}

// stored is a record with its keys for comparison.
type stored struct {
	Record
	name string // absolute, lower-case, with the trailing dot
	typ  string // upper-case
}

func newStored(r Record, domain string) stored {
	return stored{
		Record: r,
		name:   strings.ToLower(absoluteName(r.Name, domain)),
		typ:    strings.ToUpper(r.Type),
	}
}

// sameSet reports whether both belong to one RRset: the same name and type.
func (r stored) sameSet(other stored) bool {
	return r.name == other.name && r.typ == other.typ
}

// sameRecord reports whether both are the same record: name, type and value. A TXT value is the same quoted or bare.
func (r stored) sameRecord(other stored) bool {
	if !r.sameSet(other) {
		return false
	}
	if r.typ == "TXT" {
		return bare(r.Value) == bare(other.Value)
	}
	return r.Value == other.Value
}

// ofTheZoneItself reports whether the record is one of the zone's own NS and SOA, which the listing omits. (O)
func (r stored) ofTheZoneItself(domain string) bool {
	return r.typ == "SOA" || r.typ == "NS" && r.name == domain+"."
}

// shown returns the record as GET shows it.
func (r stored) shown(domain string, o Options) Record {
	out := r.Record
	switch o.Names {
	case NamesAsWritten:
	case NamesAbsolute:
		out.Name = absoluteName(r.Name, domain)
	case NamesRelative:
		out.Name = relativeName(r.Name, domain)
	}
	if o.QuotedValues && r.typ == "TXT" {
		out.Value = `"` + bare(r.Value) + `"`
	}
	return out
}

// bare returns a TXT value without surrounding quotes.
func bare(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// absoluteName makes a name absolute and keeps its case. A name without a trailing dot is absolute if it ends in the
// domain, else relative to the domain. "" and "@" are the domain itself.
func absoluteName(name, domain string) string {
	switch {
	case name == "" || name == "@":
		return domain + "."
	case strings.HasSuffix(name, "."):
		return name
	case within(name, domain):
		return name + "."
	default:
		return name + "." + domain + "."
	}
}

// relativeName makes a name relative to the domain; "@" is the domain itself.
func relativeName(name, domain string) string {
	absolute := absoluteName(name, domain)
	if len(absolute) == len(domain)+1 {
		return "@"
	}
	if !within(strings.TrimSuffix(absolute, "."), domain) {
		return absolute // foreign writers can use any name
	}
	return absolute[:len(absolute)-len(domain)-2]
}

// within reports whether name is the domain or below it, both without a trailing dot.
func within(name, domain string) bool {
	if len(name) < len(domain) || !strings.EqualFold(name[len(name)-len(domain):], domain) {
		return false
	}
	return len(name) == len(domain) || name[len(name)-len(domain)-1] == '.'
}

// knownTypes returns the record types that the API accepts. (I: those of the control panel; the API's own list is unknown)
func knownTypes() []string {
	return []string{
		"A", "AAAA", "ALIAS", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS",
		"PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
	}
}

// problemOf returns why the API refuses to write a record, or "".
func problemOf(r Record, domain string, minTTL int) string {
	if !slices.Contains(knownTypes(), strings.ToUpper(r.Type)) {
		return fmt.Sprintf("The record type %q is not supported", r.Type)
	}
	if problem := problemOfName(r.Name, domain); problem != "" {
		return problem
	}
	if newStored(r, domain).ofTheZoneItself(domain) {
		return "The nameservers of the domain can not be changed here"
	}
	if r.Value == "" {
		return "The record value is required"
	}
	if r.TTL > math.MaxInt32 { // D: at most 2147483647
		return "The record ttl may not be greater than 2147483647"
	}
	if r.TTL < max(minTTL, 1) {
		return fmt.Sprintf("The record ttl must be at least %d", max(minTTL, 1))
	}
	return ""
}

func problemOfName(name, domain string) string {
	absolute := strings.TrimSuffix(absoluteName(name, domain), ".")
	if !within(absolute, domain) {
		return fmt.Sprintf("The record name %q is not within the domain", name)
	}
	if len(absolute) > 253 {
		return "The record name is too long"
	}
	for label := range strings.SplitSeq(absolute, ".") {
		switch {
		case label == "" || len(label) > 63:
			return fmt.Sprintf("The record name %q is not valid", name)
		case strings.ContainsFunc(label, func(c rune) bool { return c <= ' ' || c == 0x7f }):
			return fmt.Sprintf("The record name %q is not valid", name)
		}
	}
	return ""
}
