// Package keysource reads the API key that a check uses: from the environment, a file or a Secret of Kubernetes. The key
// never becomes part of an error.
package keysource

import (
	"context"
	"fmt"
	"strings"
)

// Source is where an API key comes from.
type Source interface {
	// Origin names the source in words that may be shown.
	Origin() string
	// Key reads the key. An error can be a *Error.
	Key(ctx context.Context) (string, error)
}

// Error tells that the source has no key, and what to do about it.
type Error struct {
	// Fault says what is wrong, and Remedy what to do; both are sentences that may be shown.
	Fault, Remedy string
	// Passing tells that the source could not be asked: whether it has a key is not known.
	Passing bool
}

// Error is the fault alone.
func (e *Error) Error() string { return e.Fault }

// cleaned is the key in what a source holds, if it is one from that place. Whitespace around it, such as a final newline, is dropped.
func cleaned(held, origin, from string) (string, error) {
	key := strings.TrimSpace(held)
	if key == "" {
		return "", &Error{
			Fault:  fmt.Sprintf("The API key from %s is empty.", origin),
			Remedy: fmt.Sprintf("Put the key from %s there.", from),
		}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Error{
			Fault:  fmt.Sprintf("The API key from %s holds characters that an API key cannot have.", origin),
			Remedy: "See that the key alone is there, on one line, without quotes or a name in front.",
		}
	}
	return key, nil
}
