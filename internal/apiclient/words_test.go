package apiclient

import (
	"strings"
	"testing"
)

func TestPlainWords(t *testing.T) {
	t.Parallel()
	const key = "s3cr3t-key"
	for _, c := range []struct{ message, want string }{
		{"No valid API key set", "No valid API key set"},
		{"", ""},
		{"two\nlines\tand\r\nmore", "two lines and more"},
		{"bad \x1b[31mcolours\x00", "bad [31mcolours"},
		{"key s3cr3t-key is unknown", "key [API key] is unknown"},
		{"Try again in 37 seconds.", "Try again in # seconds."},
		{"Try again in 37s", "Try again in #"},
		{"since 2026-11-21T10:00:00Z (11:02)", "since # (#)"},
		{"request 3f2b8c1e-77aa-4d1f-9d21-0a1b2c3d4e5f failed", "request # failed"},
		{"IP address 203.0.113.7 is not allowed", "IP address 203.0.113.7 is not allowed"},
		{"IP address 2001:db8::7, is not allowed", "IP address 2001:db8::7, is not allowed"},
		{"domain example2.nl is unknown", "domain example2.nl is unknown"},
		{"use IPv4 or HTTP/2", "use IPv4 or HTTP/2"},
		{"retry in 2.5s or 1m30s", "retry in # or #"},
		{"wait 37sec, retry_after=37", "wait #, retry_after=#"},
		{"limit:60,remaining:12.", "limit:#,remaining:#."},
		{"61/60 calls", "# calls"},
		{"request_id=3f2b8c1e77aa (requestId: req_8f3a9b2c)", "request_id=# (requestId: req_#)"},
		{"ref 01JDB8ZK3Q9X7V5T2N4M6P8R0S", "ref #"},
		{"from 203.0.113.7:51234", "from 203.0.113.7:#"},
		{"ip=2001:db8::7", "ip=2001:db8::7"},
		{"see https://203.0.113.7/x and ns1.mijn.host", "see https://203.0.113.7/x and ns1.mijn.host"},
	} {
		if got := plainWords(c.message, key); got != c.want {
			t.Errorf("plainWords(%q): got %q, want %q", c.message, got, c.want)
		}
	}
	if got := plainWords(strings.Repeat("wörd ", 1000), key); len(got) > maxWords+len(" …") {
		t.Errorf("got %d bytes, want at most %d", len(got), maxWords+len(" …"))
	}
}

func FuzzPlainWords(f *testing.F) {
	f.Add("Try again in 37 seconds", "key")
	f.Fuzz(func(t *testing.T, message, key string) {
		got := plainWords(message, key)
		if len(got) > maxWords+len(" …") || strings.ContainsAny(got, "\n\r\t\x00\x1b") {
			t.Errorf("plainWords(%q): got %q, want one short printable line", message, got)
		}
	})
}
