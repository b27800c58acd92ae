package apiclient

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kinds of failure, for errors.Is. Error messages are constant, because cert-manager restarts its back-off when a message changes.
var (
	// ErrKeyRefused is a 401: the key is wrong, expired, or used from an address that it does not allow.
	ErrKeyRefused = errors.New("rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address")
	// ErrRateLimited is a 429.
	ErrRateLimited = errors.New("rate-limits this API key")
	// ErrUnavailable is a 5xx, or no usable response.
	ErrUnavailable = errors.New("unavailable")
)

var (
	errBodyTooLarge = errors.New("response larger than 4 MiB")
	errQueueFull    = errors.New("too many calls in progress for this API key")
)

// Error is a failed call. Its message is constant for the same cause, and never contains a time, an address or the API key.
type Error struct {
	Host string
	Op   Operation
	// Status is the HTTP status, a failure status in the body of a 2xx, or 0 without a response.
	Status int
	// Message is the API's own message: one line of at most 200 bytes, or empty.
	Message string
	// Unexpected: the response does not have the API's format, such as a proxy's error page.
	Unexpected bool
	// Kind is a kind of failure specific to the host, or nil.
	Kind error

	retryAfter time.Duration // 0 for none
	cause      error         // why there is no usable response; only in the log
	notSent    bool
	uncertain  bool // an earlier attempt may have taken effect
}

// Error returns what failed and the API's response.
func (e *Error) Error() string {
	switch {
	case errors.Is(e.cause, errQueueFull), errors.Is(e.cause, errBodyTooLarge):
		return fmt.Sprintf("%s: %v", e.Host, e.cause)
	case e.Status == 0:
		return fmt.Sprintf("%s cannot be reached: %s", e.Host, reasonOf(e.cause))
	case e.Unexpected && e.Status != http.StatusTooManyRequests:
		return fmt.Sprintf("unexpected answer from %s (HTTP %d)", e.Host, e.Status)
	}
	answer := fmt.Sprintf("HTTP %d", e.Status)
	if e.Message != "" {
		answer += ": " + e.Message
	}
	switch {
	case e.Kind != nil:
		return fmt.Sprintf("%v (%s)", e.Kind, answer)
	case e.Is(ErrKeyRefused):
		return fmt.Sprintf("%s %v (%s)", e.Host, ErrKeyRefused, answer)
	case e.Is(ErrRateLimited):
		return fmt.Sprintf("%s %v (%s)", e.Host, ErrRateLimited, answer)
	default:
		return e.Host + " returned " + answer
	}
}

// Is matches the kinds of failure.
func (e *Error) Is(kind error) bool {
	switch kind {
	case ErrKeyRefused:
		return e.Status == http.StatusUnauthorized
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Status == 0 || e.Status >= http.StatusInternalServerError || e.Unexpected && isSuccess(e.Status)
	default:
		return e.Kind != nil && errors.Is(e.Kind, kind)
	}
}

// Unwrap returns why there is no usable response, or nil.
func (e *Error) Unwrap() error { return e.cause }

// IsRefusal reports whether the API rejected the content of a call: 400 or 404.
func IsRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && !e.Unexpected && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}

// MayHaveTakenEffect reports whether any attempt of a failed call was sent and not clearly rejected.
func MayHaveTakenEffect(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.uncertain || !e.notSent && (e.Status == 0 || isSuccess(e.Status) || e.Status >= http.StatusInternalServerError))
}

// isRetryable reports whether the same call may succeed a moment later. A call stopped by a cool-down may not.
func isRetryable(err error) bool {
	var e *Error
	switch {
	case !errors.As(err, &e), e.notSent && e.Status != 0, errors.Is(e.cause, errBodyTooLarge):
		return false
	case e.Status == 0:
		return !isCertificateError(e.cause)
	default:
		return e.Is(ErrRateLimited) || e.Is(ErrUnavailable)
	}
}
