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

// canonical is one text for one JSON value: keys sorted, numbers by their value
// (300, 300.0 and 3e2 are one), strings by theirs. What is no JSON stays.
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

// plainNumber is a number as a fraction. One with a large exponent stays, because its
// fraction would be as large.
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

// object is the fields of a JSON object, each as the bytes that were sent.
func object(raw []byte) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(raw, &fields)
	return fields, err == nil && fields != nil
}

// decodeWhole reads one JSON value, and refuses what follows it.
func decodeWhole(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the body")
	}
	return nil
}

// withString is a JSON object with one string field changed, and every other
// byte as it was.
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

// quoted is a string as JSON, without the escapes that are for HTML alone.
func quoted(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return bytes.TrimSpace(b.Bytes())
}

// encode is a value that is made here as JSON.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	return text
}
