package check

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// nameOf is a name of a message, bare.
func nameOf(name dnsmessage.Name) string { return dnsname.TrimDot(escaped(name.String())) }

// escaped writes the bytes that are not fit to be shown as \DDD, as zone files do: a name comes from strangers, and
// is printed on terminals.
func escaped(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescaped undoes escaped, so that what an answer named can be asked about.
func unescaped(name string) string {
	const digits = 3
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' && i+digits < len(name) {
			if n, err := strconv.ParseUint(name[i+1:i+1+digits], 10, 8); err == nil {
				c = byte(n)
				i += digits
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
