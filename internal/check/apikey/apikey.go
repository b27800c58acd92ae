// Package apikey reads the API key that a check uses: from the environment, a file or a Secret of Kubernetes. The key
// never becomes part of an error.
package apikey

import (
	"fmt"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// cleaned is the key in what a source holds. Whitespace around it, such as a final newline, is dropped.
func cleaned(held, origin string) (string, error) {
	key := strings.TrimSpace(held)
	if key == "" {
		return "", &check.KeyError{
			Fault:  fmt.Sprintf("The API key from %s is empty.", origin),
			Remedy: "Put the key from mijn.host's control panel (Account, API Access) there.",
		}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &check.KeyError{
			Fault:  fmt.Sprintf("The API key from %s holds characters that an API key cannot have.", origin),
			Remedy: "See that the key alone is there, on one line, without quotes or a name in front.",
		}
	}
	return key, nil
}
