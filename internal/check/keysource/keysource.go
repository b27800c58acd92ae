// Package keysource reads the API key for a check from the environment, a file or a Kubernetes Secret. Errors never contain the key.
package keysource

import (
	"context"
	"errors"
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

// Source is where an API key comes from.
type Source interface {
	// Origin names the source for messages.
	Origin() string
	// Key reads the key. Its error is a *Error if there is a known fix.
	Key(ctx context.Context) (string, error)
}

// Error reports that the source has no usable key, and the fix.
type Error struct {
	// Fault describes the error and Remedy the fix, each as a sentence without secrets.
	Fault, Remedy string
	// Passing reports that the source could not be reached, so the result is inconclusive.
	Passing bool
}

// Error returns the fault without the fix.
func (e *Error) Error() string { return e.Fault }

// withFix returns the key, or an Error that names origin and where to get a key.
func withFix(key string, err error, origin, from string) (string, error) {
	if err == nil {
		return key, nil
	}
	remedy := "It must contain only the key, on one line, without quotes or a name."
	if errors.Is(err, apikey.ErrEmpty) {
		remedy = fmt.Sprintf("Get a key from %s and store it there.", from)
	}
	return "", &Error{Fault: fmt.Sprintf("The API key from %s %v.", origin, err), Remedy: remedy}
}
