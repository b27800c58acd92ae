package hosttest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxString is the maximum length of one string of a TXT record, in bytes.
const maxString = 255

// NewRR returns a record as DNS represents it, or nil if DNS cannot represent it. value is in zone file format; names
// in it are absolute, with or without the trailing dot.
func NewRR(name, typ, value string, ttl int) dns.RR {
	rrtype := dns.StringToType[typ]
	if rrtype == 0 || !isName(name) || strings.ContainsAny(value, "\r\n") {
		return nil
	}
	rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", typ, value))
	if err != nil || rr == nil {
		return nil
	}
	*rr.Header() = header(strings.ToLower(dns.Fqdn(name)), rr.Header().Rrtype, bounded(ttl))
	return rr
}

// NewTXT returns a TXT record of a text, or nil if DNS cannot represent it.
func NewTXT(name, text string, ttl int) dns.RR {
	if !isName(name) {
		return nil
	}
	return &dns.TXT{Hdr: header(strings.ToLower(dns.Fqdn(name)), dns.TypeTXT, bounded(ttl)), Txt: txtStrings(text)}
}

func isName(name string) bool {
	_, ok := dns.IsDomainName(name)
	return ok
}

func bounded(ttl int) uint32 { return uint32(min(max(ttl, 0), math.MaxInt32)) }

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// txtStrings splits a bare value into strings of at most 255 bytes, and escapes what the dns package would take for an escape.
func txtStrings(value string) []string {
	var out []string
	for part := range slices.Chunk([]byte(value), maxString) {
		var b strings.Builder
		for _, c := range part {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		out = append(out, b.String())
	}
	if out == nil {
		return []string{""}
	}
	return out
}
