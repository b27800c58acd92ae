package dnshost

import (
	"errors"
	"fmt"
	"testing"
)

func TestFingerprint(t *testing.T) {
	t.Parallel()
	// printf value | sha256sum
	for value, want := range map[string]string{"": "e3b0c44298fc1c14", "value": "cd42404d52ad55cc"} {
		if got := Fingerprint(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestLeftBehindError(t *testing.T) {
	t.Parallel()
	reason := errors.New("the domain has moved")
	err := fmt.Errorf("clean-up: %w", &LeftBehindError{Reason: reason})
	var left *LeftBehindError
	if !errors.As(err, &left) || left.Error() != reason.Error() || !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}
