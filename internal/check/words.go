package check

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// List reads names out: "a", "a and b", "a, b and c".
func List(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
}

// After reads a time out: "at once", "after 7 s".
func After(seconds float64) string {
	if seconds < 0.5 {
		return "at once"
	}
	return "after " + Spoken(seconds)
}

// Spoken reads a time out: "7 s".
func Spoken(seconds float64) string { return fmt.Sprintf("%.0f s", seconds) }

// InSeconds is rounded to a tenth, which is more than a poll can tell.
func InSeconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)) / float64(time.Second)
}

// Pause waits for d, and fails if ctx is done before.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RandomWord is 12 letters and digits that no other check has.
func RandomWord() string { return strings.ToLower(rand.Text()[:12]) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// addressLike matches whatever can be an IP address, with a port or the length of a prefix.
var addressLike = regexp.MustCompile(`[0-9A-Fa-f:.]{2,}(/\d{1,3})?`)

// withoutAddresses leaves IP addresses out of what others said: a report is meant to be shown around, and the
// API may name the address of the caller.
func withoutAddresses(said string) string {
	return addressLike.ReplaceAllStringFunc(said, func(run string) string {
		for _, address := range []string{run, strings.Trim(run, ":.")} {
			if isAddress(address) {
				return strings.Replace(run, address, "(an IP address)", 1)
			}
		}
		return run
	})
}

func isAddress(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(text)
	return err == nil
}
