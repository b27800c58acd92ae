package apiclient

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kinds of failure, for errors.Is. The texts of errors are constant: cert-manager restarts its back-off whenever a
// message changes.
var (
	// ErrKeyRefused is a 401: the key is wrong, expired, or used from an address that it does not allow.
	ErrKeyRefused = errors.New("rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address")
	// ErrRateLimited is a 429.
	ErrRateLimited = errors.New("rate-limits this API key")
	// ErrUnavailable: no usable answer, or a 5xx.
	ErrUnavailable = errors.New("unavailable")
)

var (
	errBodyTooLarge = errors.New("response larger than 4 MiB")
	errQueueFull    = errors.New("too many requests in progress for this API key")
)

// Error is a failed call. Its text is the same whenever the cause is: it holds no time, address, port or count, and
// never the API key.
type Error struct {
	// Host is the name of the DNS host.
	Host string
	// Op is the call that failed.
	Op Operation
	// Status is the HTTP status, the one inside the body if HTTP said 2xx, or 0 if no answer came.
	Status int
	// Message is what the API said, on one line of at most 200 bytes; may be empty.
	Message string
	// Unexpected: the answer does not have the API's shape, such as a proxy's page.
	Unexpected bool
	// Kind is the host's own kind of failure, if the answer is one; nil otherwise.
	Kind error

	retryAfter time.Duration // 0 for none
	cause      error         // why there is no usable answer; never part of the text
	notSent    bool
	uncertain  bool // an earlier attempt may have taken effect
}

// Error says what happened and what the API answered.
func (e *Error) Error() string {
	switch {
	case errors.Is(e.cause, errQueueFull), errors.Is(e.cause, errBodyTooLarge):
		return fmt.Sprintf("%s: %v", e.Host, e.cause)
	case e.Status == 0:
		return fmt.Sprintf("%s cannot be reached: %s", e.Host, reasonOf(e.cause))
	case e.Unexpected && e.Status != http.StatusTooManyRequests:
		return fmt.Sprintf("unexpected response from %s (HTTP %d)", e.Host, e.Status)
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

// Is makes errors.Is know the kinds of failure.
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

// Unwrap returns why there is no usable answer, or nil.
func (e *Error) Unwrap() error { return e.cause }

// NoAnswer is the error of a caller who did not wait for the end of a call.
func NoAnswer(host string, cause error) error { return &Error{Host: host, cause: cause} }

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

func causeOf(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.cause
	}
	return nil
}

// IsRefusal reports whether the API understood a call and refused what it names: 400 or 404.
func IsRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && !e.Unexpected && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}

// MayHaveTakenEffect reports whether a failed call may have taken effect: some attempt was sent, and the API did not
// clearly refuse it.
func MayHaveTakenEffect(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.uncertain || !e.notSent && (e.Status == 0 || isSuccess(e.Status) || e.Status >= http.StatusInternalServerError))
}

// isCooling: the call was not sent, because of an answer to an earlier one.
func (e *Error) isCooling() bool { return e.notSent && e.Status != 0 }

// IsRetryable reports whether the same call may succeed a moment later.
func IsRetryable(err error) bool {
	var e *Error
	switch {
	case !errors.As(err, &e), e.isCooling():
		return false
	case errors.Is(e.cause, errBodyTooLarge):
		return false
	case e.Status == 0:
		return !isCertificateError(e.cause)
	case e.Unexpected && isSuccess(e.Status): // such as a page of a proxy
		return true
	default:
		return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
	}
}
