// Package apikey is the rule for API keys, whichever host they are for: what can be one, and how one stands in a Secret.
// No error shows a key.
package apikey

import (
	"errors"
	"strings"
)

// Why there is no key. Each is the end of a sentence that begins with where the key should be.
var (
	ErrMissing    = errors.New("is not found")
	ErrEmpty      = errors.New("is empty")
	ErrQuotes     = errors.New("is quoted: remove the quotes")
	ErrCharacters = errors.New("contains characters that are not allowed in an API key")
)

// Parse is the key in a text: visible ASCII without blanks. Whitespace around it, such as a final newline, is dropped.
func Parse(text string) (string, error) {
	key := strings.TrimSpace(text)
	if key == "" {
		return "", ErrEmpty
	}
	if len(key) > 1 && key[0] == key[len(key)-1] && strings.ContainsRune("\"'`", rune(key[0])) {
		return "", ErrQuotes
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", ErrCharacters
	}
	return key, nil
}

// InSecret is the key in an entry of a Secret's data.
func InSecret(data map[string][]byte, entry string) (string, error) {
	held, ok := data[entry]
	if !ok {
		return "", ErrMissing
	}
	return Parse(string(held))
}
