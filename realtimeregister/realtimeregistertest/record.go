package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// Record returns a record in the API's JSON. Names are absolute without final dot, TXT values are bare. (D, O)
func Record(name, typ, content string, ttl int) string {
	return fmt.Sprintf(`{"name":%s,"type":%s,"content":%s,"ttl":%d}`, quoted(name), quoted(typ), quoted(content), ttl)
}

// PrioRecord returns an MX or SRV record. prio is required, even 0. (O)
func PrioRecord(name, typ, content string, ttl, prio int) string {
	r := Record(name, typ, content, ttl)
	return fmt.Sprintf(`%s,"prio":%d}`, r[:len(r)-1], prio)
}

// stored is an immutable record of a zone, byte for byte as its writer sent it.
type stored struct {
	raw     json.RawMessage
	value   string // canonical
	fields  map[string]json.RawMessage
	name    string // lower case
	typ     string // upper case
	content string
	prio    string
	ttl     int
	rr      dns.RR // nil if DNS cannot represent it
	foreign bool
	since   int // when it was written, by the event counter
}

// newStored parses a record. Missing fields stay empty: problems reports them for a record that a client sent.
func newStored(raw json.RawMessage, foreign bool, since int) *stored {
	r := &stored{raw: raw, value: canonical(raw), foreign: foreign, since: since}
	r.fields, _ = object(raw)
	r.name = strings.ToLower(r.text("name"))
	r.typ = strings.ToUpper(r.text("type"))
	r.content = r.text("content")
	if p, found := r.fields["prio"]; found {
		r.prio = string(p)
	}
	r.ttl, _ = whole(r.fields["ttl"])
	switch {
	case r.typ == "TXT":
		r.rr = hosttest.NewTXT(r.name, r.content, r.ttl)
	case r.prio != "" && (r.typ == "MX" || r.typ == "SRV"):
		r.rr = hosttest.NewRR(r.name, r.typ, r.prio+" "+r.content, r.ttl)
	default:
		r.rr = hosttest.NewRR(r.name, r.typ, r.content, r.ttl)
	}
	return r
}

func (r *stored) text(field string) string {
	var s string
	_ = json.Unmarshal(r.fields[field], &s) // problems reports other types
	return s
}

// duplicates reports whether two records are the same in DNS.
func (r *stored) duplicates(other *stored) bool {
	return r.name == other.name && r.typ == other.typ && r.content == other.content && r.prio == other.prio
}

// stripped trims the strings of a record, as the API does. (D)
func stripped(raw json.RawMessage) json.RawMessage {
	fields, ok := object(raw)
	if !ok {
		return raw
	}
	for name, field := range fields {
		var s string
		if json.Unmarshal(field, &s) == nil && s != strings.TrimSpace(s) {
			raw = withString(raw, name, strings.TrimSpace(s))
		}
	}
	return raw
}

// whole returns a number without a fraction, in any form: 300, 300.0, 3e2.
func whole(raw json.RawMessage) (int, bool) {
	var f float64
	if json.Unmarshal(raw, &f) != nil || f != float64(int(f)) || string(raw) == "null" {
		return 0, false
	}
	return int(f), true
}

func isQuotedText(content string) bool {
	return len(content) >= 2 && strings.HasPrefix(content, `"`) && strings.HasSuffix(content, `"`)
}
