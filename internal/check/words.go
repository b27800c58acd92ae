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

// List joins names: "a", "a and b", "a, b and c". It returns "none" for an empty list.
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

// After formats seconds as "at once" or "after 7 s".
func After(seconds float64) string {
	if seconds < 0.5 {
		return "at once"
	}
	return "after " + Spoken(seconds)
}

// Spoken formats seconds as "7 s".
func Spoken(seconds float64) string { return fmt.Sprintf("%.0f s", seconds) }

// InSeconds returns d in seconds, rounded to a tenth. The pause between polls is longer than that.
func InSeconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)) / float64(time.Second)
}

// Pause waits for d. It returns ctx.Err() if ctx is done earlier.
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

// RandomWord returns 12 random letters and digits.
func RandomWord() string { return strings.ToLower(rand.Text()[:12]) }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// addressLike matches candidates for an IP address, with a port or a prefix length.
var addressLike = regexp.MustCompile(`[0-9A-Fa-f:.]{2,}(/\d{1,3})?`)

// withoutAddresses replaces IP addresses. Reports are shared, and an API's error can contain the caller's address.
func withoutAddresses(text string) string {
	return addressLike.ReplaceAllStringFunc(text, func(run string) string {
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
