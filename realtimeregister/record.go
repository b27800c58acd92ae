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

// Record is one record as the API shows it. It is sent back as the bytes that were read.
type Record struct {
	raw     []byte
	key     string // the same for the same JSON value, whatever the case of its name
	name    string // lower case
	typ     string
	content string
	ttl     json.RawMessage
}

// parseRecord reads a record. What is no object, or has no name or type, cannot be judged.
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

// entry is a TXT value under a name, in the form in which the API has names.
type entry struct{ name, value string }

func (e entry) isIt(r *Record) bool {
	return r.typ == "TXT" && r.name == e.name && r.content == e.value
}

// String names a record in messages.
func (r *Record) String() string { return r.name + " " + r.typ }

// isChallenge reports whether a record has the form of an ACME challenge: it may go at any time.
func (r *Record) isChallenge() bool {
	return r.typ == "TXT" && len(r.content) == acmeLength && strings.Trim(r.content, base64URL) == ""
}

const (
	acmeLength = 43 // a SHA-256 in base64url
	base64URL  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// newTXT is a record of ours. ttl is a JSON number.
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
		panic(err) // a name and a type are there
	}
	return r
}

// quoted is a string as JSON.
func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return bytes.TrimSpace(b.Bytes())
}

// multiset counts records by their values.
type multiset map[string]int

func count(records []*Record) multiset {
	m := make(multiset, len(records))
	for _, r := range records {
		m[r.key]++
	}
	return m
}

// missingFrom are the records of which other has fewer.
func missingFrom(records, other []*Record) []*Record {
	left, missing := count(other), []*Record(nil)
	for _, r := range records {
		if left[r.key] > 0 {
			left[r.key]--
			continue
		}
		missing = append(missing, r)
	}
	return missing
}

// hashOf is the same for lists of the same values in any order.
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

// canonicalRecord is one text for one value of a record. The API may show names in another case than they were sent in.
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

// canonical is one text for one JSON value: members in order, a number by its value, a string by its characters.
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

// isPlainString: characters that JSON writes in one way only.
func isPlainString(raw []byte) bool {
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	for _, c := range raw[1 : len(raw)-1] {
		if c < ' ' || c > '~' || c == '\\' || c == '"' {
			return false
		}
	}
	return true
}

// isPlainNumber: a whole number of a few digits.
func isPlainNumber(raw []byte) bool {
	if len(raw) > 18 || raw[0] == '0' && len(raw) > 1 {
		return false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
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

// maxExponent bounds the digits that a number is written out with.
const maxExponent = 400

// canonicalNumber is the same for 300, 300.0 and 3e2. One with a vast exponent stays as it is.
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
