package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxTTL is the maximum TTL of a zone (D), also used for records (I), in seconds.
const maxTTL = 2419200

// recordTypes returns the valid record types. (I: the API's own list is unknown)
func recordTypes() []string {
	return []string{
		"A", "AAAA", "ALIAS", "CAA", "CNAME", "DNAME", "DS", "HTTPS", "MX", "NAPTR", "NS",
		"PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URL",
	}
}

// refusal is a DnsConfigurationException (D): errors by index of the record in the request, field and message, and
// conflicting indexes.
type refusal struct {
	Type      string                         `json:"type"`
	Message   string                         `json:"message"`
	Errors    map[string]map[string][]string `json:"errors,omitempty"`
	Conflicts map[string][]int               `json:"conflicts,omitempty"`
}

func (r *refusal) add(index int, field, message string) {
	key := strconv.Itoa(index)
	if r.Errors[key] == nil {
		r.Errors[key] = map[string][]string{}
	}
	r.Errors[key][field] = append(r.Errors[key][field], message)
}

// validate returns what is wrong with a list, or nil. One invalid record refuses the whole request (O), new or old: an
// old record that is no longer valid blocks every update. (D)
func validate(records []*stored, zone string, o Options) *refusal {
	out := &refusal{
		Type: "DnsConfigurationException", Message: "Invalid DNS configuration",
		Errors: map[string]map[string][]string{}, Conflicts: map[string][]int{},
	}
	for i, r := range records {
		for field, message := range problems(r, zone, o) {
			out.add(i, field, message)
		}
	}
	sameName := map[string][]int{}
	for i, r := range records {
		sameName[r.name] = append(sameName[r.name], i)
	}
	for i, r := range records {
		for _, j := range sameName[r.name] {
			if i != j && conflict(r, records[j], o) {
				out.Conflicts[strconv.Itoa(i)] = append(out.Conflicts[strconv.Itoa(i)], j)
			}
		}
	}
	if len(out.Errors) == 0 && len(out.Conflicts) == 0 {
		return nil
	}
	return out
}

// conflict reports whether two records of one name exclude each other: duplicates if refused, and a CNAME beside any
// record (I).
func conflict(r, other *stored, o Options) bool {
	if r.duplicates(other) {
		return o.Duplicates == DuplicatesRefused
	}
	return r.typ == "CNAME" || other.typ == "CNAME"
}

// problems returns the messages about a record, by field.
func problems(r *stored, zone string, o Options) map[string]string {
	out := map[string]string{}
	if r.fields == nil {
		out["name"] = "not an object"
		return out
	}
	for _, field := range []string{"name", "type", "content"} {
		var s *string
		if json.Unmarshal(r.fields[field], &s) != nil || s == nil || *s == "" {
			out[field] = "may not be empty" // including an empty TXT value (O)
		}
	}
	if out["name"] == "" {
		if message := nameProblem(r.name, zone); message != "" {
			out["name"] = message
		}
	}
	switch {
	case out["type"] != "":
	case !slices.Contains(recordTypes(), r.typ):
		out["type"] = "unknown type"
	case r.typ == "NS" && r.name == zone:
		out["type"] = "NS at the top of the zone is automatic" // (O)
	case r.typ == "MX" || r.typ == "SRV":
		if n, ok := whole(r.fields["prio"]); !ok || n < 0 || n > 65535 {
			out["prio"] = "is required" // even 0 (O)
		}
	case r.typ == "TXT" && isQuotedText(r.content) && o.QuotedTXT == QuotedRefused:
		out["content"] = "may not be quoted"
	}
	if n, ok := whole(r.fields["ttl"]); !ok || n < max(o.MinTTL, 1) || n > maxTTL {
		out["ttl"] = fmt.Sprintf("must be between %d and %d", max(o.MinTTL, 1), maxTTL)
	}
	return out
}

// nameProblem: a name must be absolute, in the zone, without final dot. (D)
func nameProblem(name, zone string) string {
	if name != zone && !strings.HasSuffix(name, "."+zone) {
		return "is not in the zone"
	}
	if len(name) > 253 {
		return "is too long"
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return "is not valid"
		}
	}
	return ""
}
