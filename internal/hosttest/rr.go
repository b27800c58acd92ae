package hosttest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxString is how long one string of a TXT record can be.
const maxString = 255

// NewRR is a record as DNS has it, or nil for one that DNS can not have. The
// value is in the form of a zone file; names in it are absolute, with or without
// their trailing dot. A TXT value is the bare text.
func NewRR(name, typ, value string, ttl int) dns.RR {
	name = strings.ToLower(dns.Fqdn(name))
	if _, ok := dns.IsDomainName(name); !ok {
		return nil
	}
	h := header(name, dns.StringToType[typ], uint32(min(max(ttl, 0), math.MaxInt32)))
	if typ == "TXT" {
		return &dns.TXT{Hdr: h, Txt: txtStrings(value)}
	}
	if h.Rrtype == 0 || strings.ContainsAny(value, "\r\n") {
		return nil
	}
	rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", typ, value))
	if err != nil || rr == nil {
		return nil
	}
	length := rr.Header().Rdlength
	*rr.Header() = h
	rr.Header().Rdlength = length
	return rr
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// txtStrings splits a bare value into strings of at most 255 bytes, each with
// what the library takes for an escape escaped.
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
