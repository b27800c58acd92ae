package realtimeregister

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Zone is a zone, as the API shows it.
type Zone struct {
	ID      int64
	Name    string // lower case, no final dot
	Service string
	// Records are in the order of the response.
	Records []*Record
	// Nameservers should serve the zone. Empty if unknown.
	Nameservers []string

	sign sign
	soa  []field // hostMaster and the numbers
	// guarded are settings that an update of records must not change.
	guarded map[string]string
	pending bool // pending deletion
	// template and master are set if the zone gets its records from elsewhere.
	template, master string
	hash             string
}

// field is one member of a JSON object, as bytes.
type field struct {
	name string
	raw  json.RawMessage
}

func soaFields() []string     { return []string{"hostMaster", "refresh", "retry", "expire", "ttl"} }
func guardedFields() []string { return []string{"dnssec", "ns", "template"} }

// parseZone decodes a zone, and keeps the bytes that an update needs.
func parseZone(data []byte) (*Zone, error) {
	var fields map[string]json.RawMessage // a struct would accept names in any case
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	z := &Zone{guarded: map[string]string{}}
	if err := json.Unmarshal(fields["id"], &z.ID); err != nil || z.ID <= 0 {
		return nil, errors.New("id is missing")
	}
	if err := json.Unmarshal(fields["name"], &z.Name); err != nil || z.Name == "" {
		return nil, errors.New("name is missing")
	}
	z.Name = strings.TrimSuffix(strings.ToLower(z.Name), ".")
	z.Service, z.pending = text(fields["service"]), isSet(fields["deletionDate"])
	z.template, z.master = name(fields["template"]), name(fields["master"])
	z.Nameservers = nameserversOf(fields, z.Service, z.Name)
	for _, f := range soaFields() {
		if raw := fields[f]; isSet(raw) {
			z.soa = append(z.soa, field{f, raw})
		}
	}
	for _, f := range guardedFields() {
		if raw := fields[f]; isSet(raw) {
			z.guarded[f] = canonical(raw)
		}
	}
	z.sign = signOf(fields)
	var raws []json.RawMessage
	if raw, ok := fields["records"]; ok {
		if err := json.Unmarshal(raw, &raws); err != nil {
			return nil, err
		}
	}
	for _, raw := range raws {
		r, err := parseRecord(raw)
		if err != nil {
			return nil, err
		}
		z.Records = append(z.Records, r)
	}
	z.hash = hashOf(z.Records)
	return z, nil
}

func isSet(raw json.RawMessage) bool { return raw != nil && string(raw) != "null" }

// text decodes a string. It returns "" for another value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// name decodes a setting: a string, or its JSON.
func name(raw json.RawMessage) string {
	if s := text(raw); s != "" || !isSet(raw) || string(raw) == `""` {
		return s
	}
	return string(raw)
}

// sign changes when its zone does. Either part can be absent.
type sign struct {
	Date   time.Time `json:"date,omitzero"`
	Serial uint32    `json:"serial,omitempty"`
}

func signOf(fields map[string]json.RawMessage) sign {
	var s sign
	date := text(fields["updatedDate"])
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, date); err == nil {
			s.Date = t.UTC()
		}
	}
	var defaults []struct{ Type, Content string }
	if json.Unmarshal(fields["defaultRecords"], &defaults) == nil {
		for _, r := range defaults {
			if r.Type == "SOA" {
				var primary, mailbox string
				// Ignored in another form.
				_, _ = fmt.Sscan(r.Content, &primary, &mailbox, &s.Serial)
			}
		}
	}
	return s
}

// newerThan reports whether one part is newer and none is older.
func (s sign) newerThan(other sign) bool { return s.ahead(other) && !other.ahead(s) }

// ahead reports whether one part is newer. A zone has no date until its first change.
func (s sign) ahead(other sign) bool {
	return s.Date.After(other.Date) ||
		s.Serial != 0 && other.Serial != 0 && int32(s.Serial-other.Serial) > 0 //nolint:gosec // RFC 1982
}

// newest returns the newer of each part.
func (s sign) newest(other sign) sign {
	if s.Date.Before(other.Date) {
		s.Date = other.Date
	}
	if s.Serial == 0 || other.Serial != 0 && int32(other.Serial-s.Serial) > 0 { //nolint:gosec // RFC 1982
		s.Serial = other.Serial
	}
	return s
}
