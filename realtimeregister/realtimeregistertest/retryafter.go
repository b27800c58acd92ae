package realtimeregistertest

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter is a form of the header Retry-After: its value at the moment of
// the answer. nil is no such header.
type RetryAfter func(now time.Time) string

// InSeconds is Retry-After as a number of seconds, rounded up.
func InSeconds(d time.Duration) RetryAfter {
	return func(time.Time) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
}

// AtDate is Retry-After as an HTTP date, so long after the answer, rounded up to
// the second that a date can tell.
func AtDate(d time.Duration) RetryAfter {
	return func(now time.Time) string {
		return now.Add(d + time.Second - 1).UTC().Truncate(time.Second).Format(http.TimeFormat)
	}
}

// AsWritten is Retry-After with that very value, for one that makes no sense.
func AsWritten(value string) RetryAfter { return func(time.Time) string { return value } }
