package mijnhosttest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// maxString is how long one string of a TXT record can be.
const maxString = 255

// appendRR appends the record as DNS has it, under a name. One that DNS can not
// have (a value that makes no sense, a type that is the API's own) is left out,
// as a nameserver would leave it out.
func appendRR(set []dns.RR, r stored, name string) []dns.RR {
	rr := parseRR(r)
	if rr == nil {
		return set
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return set
	}
	*rr.Header() = header(name, rr.Header().Rrtype, uint32(min(max(r.TTL, 0), math.MaxInt32)))
	return append(set, rr)
}

func parseRR(r stored) dns.RR {
	if r.typ == "TXT" && !isQuoted(r.Value) {
		return &dns.TXT{Hdr: header(".", dns.TypeTXT, 0), Txt: txtStrings(r.Value)}
	}
	if dns.StringToType[r.typ] == 0 || strings.ContainsAny(r.Value, "\r\n") {
		return nil
	}
	// Names in values are absolute, with or without their trailing dot.
	rr, err := dns.NewRR(fmt.Sprintf(". 0 IN %s %s", r.typ, r.Value))
	if err != nil {
		return nil
	}
	return rr
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// isQuoted tells whether a TXT value is written as in a zone file.
func isQuoted(value string) bool { return value != bare(value) }

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
