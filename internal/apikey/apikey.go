// Package apikey validates API keys of any host and reads them from Secrets. No error contains a key.
package apikey

import (
	"errors"
	"strings"
)

// Reasons why there is no key. Each completes a sentence that starts with the location of the key.
var (
	ErrMissing    = errors.New("is not found")
	ErrEmpty      = errors.New("is empty")
	ErrQuotes     = errors.New("is quoted: remove the quotes")
	ErrCharacters = errors.New("contains characters that are not allowed in an API key")
)

// Parse returns the key in text without surrounding white space, such as a final newline. A key is visible ASCII without blanks.
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

// InSecret returns the key in an entry of a Secret's data.
func InSecret(data map[string][]byte, entry string) (string, error) {
	held, ok := data[entry]
	if !ok {
		return "", ErrMissing
	}
	return Parse(string(held))
}
