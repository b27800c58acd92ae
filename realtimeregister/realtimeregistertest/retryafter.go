package realtimeregistertest

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter returns the value of the Retry-After header at the time of the response. nil omits the header.
type RetryAfter func(now time.Time) string

// InSeconds is a Retry-After in seconds, rounded up.
func InSeconds(d time.Duration) RetryAfter {
	return func(time.Time) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
}

// AtDate is a Retry-After as an HTTP date, d after the response, rounded up to a second, the precision of a date.
func AtDate(d time.Duration) RetryAfter {
	return func(now time.Time) string {
		return now.Add(d + time.Second - 1).UTC().Truncate(time.Second).Format(http.TimeFormat)
	}
}

// AsWritten is a Retry-After with exactly that value, for invalid ones.
func AsWritten(value string) RetryAfter { return func(time.Time) string { return value } }
