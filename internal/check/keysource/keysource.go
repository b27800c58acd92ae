// Package keysource reads the API key that a check uses: from the environment, a file or a Secret of Kubernetes. The key
// never becomes part of an error.
package keysource

import (
	"context"
	"errors"
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
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

// told is a key, or why there is none at origin; it is to be had from that place.
func told(key string, err error, origin, from string) (string, error) {
	if err == nil {
		return key, nil
	}
	remedy := "Put the key alone there, on one line, without quotes or a name in front."
	if errors.Is(err, apikey.ErrEmpty) {
		remedy = fmt.Sprintf("Put the key from %s there.", from)
	}
	return "", &Error{Fault: fmt.Sprintf("The API key from %s %v.", origin, err), Remedy: remedy}
}
