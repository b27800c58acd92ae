package realtimeregistertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// canonical returns the same text for equal JSON values: sorted keys, numbers by value (300, 300.0 and 3e2 are equal),
// strings by value. It returns invalid JSON unchanged.
func canonical(raw []byte) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(raw)
	}
	text, err := json.Marshal(plain(v))
	if err != nil {
		return string(raw)
	}
	return string(text)
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case json.Number:
		return plainNumber(v)
	}
	return v
}

// plainNumber returns a number as a fraction. A number with a large exponent stays as it is, because its fraction would
// be huge.
func plainNumber(n json.Number) any {
	if i := strings.IndexAny(string(n), "eE"); i >= 0 {
		exponent, err := strconv.Atoi(string(n[i+1:]))
		if err != nil || exponent > 400 || exponent < -400 {
			return n
		}
	}
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return n
	}
	return map[string]any{"number": r.RatString()}
}

// object returns the fields of a JSON object, each as the bytes that were sent.
func object(raw []byte) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(raw, &fields)
	return fields, err == nil && fields != nil
}

// decodeWhole decodes exactly one JSON value.
func decodeWhole(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the body")
	}
	return nil
}

// withString changes one string field of a JSON object, and keeps every other byte.
func withString(raw []byte, field, value string) []byte {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return raw
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return raw
		}
		var old json.RawMessage
		if d.Decode(&old) != nil {
			return raw
		}
		if key == field {
			end := int(d.InputOffset())
			out := append([]byte{}, raw[:end-len(old)]...)
			out = append(out, quoted(value)...)
			return append(out, raw[end:]...)
		}
	}
	return raw
}

// quoted encodes a string without HTML escapes.
func quoted(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // strings always encode
	return bytes.TrimSpace(b.Bytes())
}

// encode encodes a value of this package.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return text
}
