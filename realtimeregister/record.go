package realtimeregister

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Record is one record, as the API shows it. Updates contain its original bytes.
type Record struct {
	raw     []byte
	key     string // the same for equal JSON values; names compare without case
	name    string // lower case
	typ     string
	content string
	ttl     json.RawMessage
}

// parseRecord decodes a record: an object with a name and a type.
func parseRecord(raw []byte) (*Record, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	r := &Record{
		raw: raw, name: strings.TrimSuffix(strings.ToLower(text(fields["name"])), "."), typ: strings.ToUpper(text(fields["type"])),
		content: text(fields["content"]), ttl: fields["ttl"],
	}
	if r.name == "" || r.typ == "" {
		return nil, errors.New("a record has no name or type")
	}
	r.key = canonicalRecord(fields, r.name)
	return r, nil
}

// entry is a TXT value and its name, in lower case without final dot.
type entry struct{ name, value string }

func (e entry) matches(r *Record) bool {
	return r.typ == "TXT" && r.name == e.name && r.content == e.value
}

// String returns name and type, for messages.
func (r *Record) String() string { return r.name + " " + r.typ }

// isChallenge reports whether a record looks like an ACME challenge, which other clients can remove at any time.
func (r *Record) isChallenge() bool {
	return r.typ == "TXT" && len(r.content) == acmeLength && strings.Trim(r.content, base64URL) == ""
}

const (
	acmeLength = 43 // a SHA-256 in base64url
	base64URL  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// newTXT returns a TXT record. ttl is a JSON number.
func newTXT(e entry, ttl json.RawMessage) *Record {
	var b bytes.Buffer
	b.WriteString(`{"name":`)
	b.Write(quoted(e.name))
	b.WriteString(`,"type":"TXT","content":`)
	b.Write(quoted(e.value))
	b.WriteString(`,"ttl":`)
	b.Write(ttl)
	b.WriteString(`}`)
	r, err := parseRecord(b.Bytes())
	if err != nil {
		panic(err) // it has a name and a type
	}
	return r
}

// quoted encodes a string as JSON.
func quoted(s string) []byte {
	text, _ := json.Marshal(s) // strings always encode
	return text
}

// keysOf returns the set of the records' keys.
func keysOf(records []*Record) map[string]bool {
	keys := make(map[string]bool, len(records))
	for _, r := range records {
		keys[r.key] = true
	}
	return keys
}

// hashOf returns a hash of a list, regardless of order.
func hashOf(records []*Record) string {
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.key
	}
	slices.Sort(keys)
	h := sha256.New()
	for _, k := range keys {
		h.Write([]byte(k))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// canonicalRecord returns the same text for equal records. The API may change the case of names.
func canonicalRecord(fields map[string]json.RawMessage, name string) string {
	names := make([]string, 0, len(fields))
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, f := range names {
		b.Write(quoted(f))
		b.WriteByte(':')
		if f == "name" {
			b.Write(quoted(name))
		} else {
			b.WriteString(canonical(fields[f]))
		}
		b.WriteByte(',')
	}
	return b.String()
}

// canonical returns the same text for equal JSON values: sorted members, numbers by value, strings by characters.
func canonical(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return ""
	case isPlainString(raw), isPlainNumber(raw):
		return string(raw)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(raw)
	}
	var b strings.Builder
	writeCanonical(&b, v)
	return b.String()
}

// isPlainString reports whether raw is a string that quoted returns as it is.
func isPlainString(raw []byte) bool {
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	for _, c := range raw[1 : len(raw)-1] {
		if c < ' ' || c > '~' || strings.IndexByte(`\"<>&`, c) >= 0 {
			return false
		}
	}
	return true
}

// isPlainNumber reports whether raw, which is JSON or nothing, is a whole number of at most 18 digits.
func isPlainNumber(raw []byte) bool {
	return len(raw) > 0 && len(raw) <= 18 && strings.Trim(string(raw), "0123456789") == ""
}

func writeCanonical(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		b.WriteByte('{')
		for _, k := range keys {
			b.Write(quoted(k))
			b.WriteByte(':')
			writeCanonical(b, v[k])
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for _, one := range v {
			writeCanonical(b, one)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(canonicalNumber(string(v)))
	case string:
		b.Write(quoted(v))
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		b.WriteString("null")
	}
}

// maxExponent limits the digits of a canonical number.
const maxExponent = 400

// canonicalNumber returns the same text for 300, 300.0 and 3e2. It returns a number with a larger exponent unchanged.
func canonicalNumber(n string) string {
	if i := strings.IndexAny(n, "eE"); i >= 0 {
		if exponent, err := strconv.Atoi(n[i+1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return n
		}
	}
	if r, ok := new(big.Rat).SetString(n); ok {
		return r.RatString()
	}
	return n
}
