package mijnhost

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an error of this package can be about, for errors.Is. The texts are constant:
// cert-manager starts its back-off anew whenever a message changes.
var (
	// ErrKeyRefused: the key is wrong, expired, or used from an address that it does not allow (401).
	ErrKeyRefused = errors.New("mijn.host refuses the API key: it is wrong, expired, or not allowed from this cluster's IP address")
	// ErrRateLimited: too many calls with this key (429).
	ErrRateLimited = errors.New("mijn.host limits the rate of calls with this API key")
	// ErrUnavailable: no usable answer came, or a 5xx.
	ErrUnavailable = errors.New("mijn.host cannot be reached or does not work at the moment")
	// ErrNotManaged: the domain is in the account, and its nameservers are elsewhere.
	ErrNotManaged = errors.New("the DNS of this domain is not managed by mijn.host: its nameservers are elsewhere")
	// ErrNoDomain: no domain of the account covers the name.
	ErrNoDomain = errors.New("the mijn.host account of this API key has no domain that covers this name")
	// ErrNameInUse: PATCH replaces values, and another challenge still needs its value under this name.
	ErrNameInUse = errors.New("another challenge is using this name: this one follows when that one is done")
	// ErrUnseen: a value that this process has sent is not shown, so that it may stand and still be shown later.
	ErrUnseen = errors.New("mijn.host does not show the record yet, so that its removal cannot be made sure: it is tried again")
)

// Error is a failed call of the API. Its text is the same whenever the cause is:
// it holds no time, address, port or count, and never the API key.
type Error struct {
	// Op is the call that failed.
	Op Operation
	// Status is the HTTP status, or the one inside the body where HTTP said 2xx, or 0 where no answer came.
	Status int
	// Message is what the API said in its own words: one line, at most 200 bytes, possibly empty.
	Message string
	// Malformed tells that the answer was not the API's JSON, for example a proxy's page.
	Malformed bool

	retryAfter time.Duration // 0 for none
	cause      error         // why no answer came; never part of the text
}

// Error says what happened and what the API answered.
func (e *Error) Error() string {
	switch {
	case e.cause != nil:
		return "mijn.host cannot be reached: " + reasonOf(e.cause)
	case e.Malformed && e.Status != http.StatusTooManyRequests:
		return fmt.Sprintf("mijn.host answered HTTP %d with something that is not JSON", e.Status)
	}
	answer := fmt.Sprintf("HTTP %d", e.Status)
	if e.Message != "" {
		answer += ": " + e.Message
	}
	for _, kind := range []error{ErrNotManaged, ErrKeyRefused, ErrRateLimited} {
		if e.Is(kind) {
			return fmt.Sprintf("%v (%s)", kind, answer)
		}
	}
	return "mijn.host answered " + answer
}

// Is makes errors.Is know the kinds above.
func (e *Error) Is(kind error) bool {
	switch kind {
	case ErrKeyRefused:
		return e.Status == http.StatusUnauthorized
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Status == 0 || e.Status >= http.StatusInternalServerError || e.Malformed && isSuccess(e.Status)
	case ErrNotManaged:
		return strings.Contains(strings.ToLower(e.Message), "not managed by mijn.host")
	default:
		return false
	}
}

// Unwrap returns the transport's error, if no answer came.
func (e *Error) Unwrap() error { return e.cause }

// statusOf is the status to report for a call that ended with err.
func statusOf(err error) int {
	var e *Error
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &e):
		return e.Status
	default:
		return 0
	}
}

// IsRefusal tells whether the API understood a call and said no to it for what it
// names: the domain or the record. An unknown domain gives 400, and what a
// record that is not there gives is not known.
func IsRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && !e.Malformed && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}
