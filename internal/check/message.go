package check

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// ednsSize is the EDNS buffer size that avoids fragmentation (DNS Flag Day 2020).
const ednsSize = 1232

// Query is a DNS query.
type Query struct {
	// Name is the name without the final dot.
	Name string
	// Type is one of the types of github.com/miekg/dns.
	Type uint16
	// Recursive asks a resolver to follow delegations.
	Recursive bool
	// Unchecked asks a resolver not to validate DNSSEC.
	Unchecked bool
}

// Answer is the answer to a Query.
type Answer struct {
	RCode     int
	Validated bool // by the resolver, with DNSSEC
	Truncated bool // incomplete; retry by TCP
	Answers   []Record
	Authority []Record
}

// Record is one record of an Answer. Names are in lower case, without the final dot.
type Record struct {
	Name string
	Type uint16

	// Its data, for the types that a check uses.
	Target  string     // NS, CNAME
	Address netip.Addr // A, AAAA
	Text    string     // TXT: its strings, joined
	CAA     CAA
	Serial  uint32 // SOA
	Minimum uint32 // SOA: negative TTL in seconds (RFC 2308)
}

// CAA is the data of a CAA record (RFC 8659, section 4.1).
type CAA struct {
	Flags uint8
	Tag   string
	Value string
}

var (
	// errUnrelated is a message that does not answer the query: a late answer to another query, or a forgery.
	errUnrelated = errors.New("not an answer to the query")
	errGarbled   = errors.New("malformed answer")
	errNoData    = errors.New("a record has no data")
)

// Pack returns the query in wire format with the given ID.
func (q Query) Pack(id uint16) ([]byte, error) {
	m := &dns.Msg{
		MsgHdr: dns.MsgHdr{
			Id: id, RecursionDesired: q.Recursive, CheckingDisabled: q.Unchecked,
			AuthenticatedData: q.Recursive && !q.Unchecked, // requests the AD bit in the answer (RFC 6840, section 5.7)
		},
		Question: []dns.Question{{Name: q.Name + ".", Qtype: q.Type, Qclass: dns.ClassINET}},
	}
	return m.SetEdns0(ednsSize, false).Pack()
}

// Parse decodes the answer to the query with the given ID. It returns an error if message is malformed or answers another query.
func (q Query) Parse(id uint16, message []byte) (*Answer, error) {
	m := new(dns.Msg)
	err := m.Unpack(message)
	if m.Id != id || !m.Response || !q.isAskedIn(m) {
		return nil, errUnrelated
	}
	a := &Answer{RCode: m.Rcode, Truncated: m.Truncated, Validated: m.AuthenticatedData}
	if err == nil {
		a.Answers, err = readRecords(m.Answer)
	}
	if err == nil {
		a.Authority, err = readRecords(m.Ns)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGarbled, err)
	}
	return a, nil
}

// isAskedIn reports whether an answer repeats the query's question. Only an answer with an error code may omit it.
func (q Query) isAskedIn(m *dns.Msg) bool {
	if len(m.Question) == 0 {
		return rcodeError(&Answer{RCode: m.Rcode}) != nil
	}
	asked := m.Question[0]
	return len(m.Question) == 1 && nameOf(asked.Name) == dnsname.TrimDot(q.Name) && asked.Qtype == q.Type && asked.Qclass == dns.ClassINET
}

// readRecords decodes a section.
func readRecords(section []dns.RR) ([]Record, error) {
	var records []Record
	for _, rr := range section {
		header := rr.Header()
		if header.Class != dns.ClassINET {
			continue
		}
		r := Record{Name: nameOf(header.Name), Type: header.Rrtype}
		hasData := true // the library accepts records without data, which occur in updates
		switch rr := rr.(type) {
		case *dns.SOA:
			r.Serial, r.Minimum = rr.Serial, min(rr.Minttl, header.Ttl)
		case *dns.NS:
			r.Target, hasData = nameOf(rr.Ns), rr.Ns != ""
		case *dns.CNAME:
			r.Target, hasData = nameOf(rr.Target), rr.Target != ""
		case *dns.TXT:
			r.Text = textOf(rr.Txt)
		case *dns.A:
			r.Address, hasData = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			r.Address, hasData = netip.AddrFromSlice(rr.AAAA)
			r.Address = r.Address.Unmap()
		case *dns.CAA:
			r.CAA, hasData = CAA{Flags: rr.Flag, Tag: rr.Tag, Value: rr.Value}, rr.Tag != ""
		}
		if !hasData {
			return nil, errNoData
		}
		records = append(records, r)
	}
	return records, nil
}

// nameOf returns a bare name. Unprintable characters stay escaped as \DDD, because names are untrusted and go to terminals.
func nameOf(name string) string {
	return dnsname.TrimDot(strings.NewReplacer(`\\`, `\092`, `\.`, `\046`, `\ `, `\032`,
		`\'`, `'`, `\@`, `@`, `\;`, `;`, `\(`, `(`, `\)`, `)`, `\"`, `"`).Replace(name))
}

// textOf joins the strings of a TXT record, which the library has escaped.
func textOf(escaped []string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.Join(escaped, ""))
}

// errRcode is an answer with an error code.
type errRcode int

func (e errRcode) Error() string {
	if name, ok := dns.RcodeToString[int(e)]; ok {
		return "it returns " + name
	}
	return fmt.Sprintf("it returns RCODE %d", int(e))
}

// rcodeError returns an error unless the code is NOERROR or NXDOMAIN.
func rcodeError(a *Answer) error {
	if a.RCode != dns.RcodeSuccess && a.RCode != dns.RcodeNameError {
		return errRcode(a.RCode)
	}
	return nil
}
