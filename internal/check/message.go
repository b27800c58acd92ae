package check

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// ednsSize is the size of answers that pass everywhere without fragments.
const ednsSize = 1232

// Query is a question to DNS.
type Query struct {
	// Name is what is asked about, without the final dot.
	Name string
	// Type is one of the types of github.com/miekg/dns.
	Type uint16
	// Recursive asks a resolver to follow delegations.
	Recursive bool
	// Unchecked asks a resolver not to validate DNSSEC.
	Unchecked bool
}

// Answer is what DNS says to a Query.
type Answer struct {
	RCode     int
	Validated bool // the resolver has validated it
	Truncated bool // there is more than this
	Answers   []Record
	Authority []Record
}

// Record is one record of an Answer. Names are in lower case, without the final dot.
type Record struct {
	Name string
	Type uint16

	// What it says, as far as its type is one that a check asks about.
	Target  string     // NS, CNAME
	Address netip.Addr // A, AAAA
	Text    string     // TXT: its strings, joined
	CAA     CAA
	Serial  uint32 // SOA
	Minimum uint32 // SOA: for how many seconds it is remembered that a name does not exist (RFC 2308)
}

// CAA is what a CAA record says (RFC 8659, 4.1).
type CAA struct {
	Flags uint8
	Tag   string
	Value string
}

var (
	// errUnrelated is a message that is no answer to the query: it is late, lost its way or was forged.
	errUnrelated = errors.New("this is no answer to the query")
	errGarbled   = errors.New("its answer is garbled")
	errNoData    = errors.New("a record says nothing")
)

// Pack is the query as it is sent, under an ID that the answer has to bear.
func (q Query) Pack(id uint16) ([]byte, error) {
	m := &dns.Msg{
		MsgHdr: dns.MsgHdr{
			Id: id, RecursionDesired: q.Recursive, CheckingDisabled: q.Unchecked,
			AuthenticatedData: q.Recursive && !q.Unchecked, // asks to be told whether it was validated (RFC 6840, 5.7)
		},
		Question: []dns.Question{{Name: q.Name + ".", Qtype: q.Type, Qclass: dns.ClassINET}},
	}
	return m.SetEdns0(ednsSize, false).Pack()
}

// Parse reads the answer to the query that was sent under the ID.
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

// isAskedIn reports whether the questions of an answer are the query's. A server that did not understand the query, or
// did not want to, may leave it out.
func (q Query) isAskedIn(m *dns.Msg) bool {
	if len(m.Question) == 0 {
		return rcodeError(&Answer{RCode: m.Rcode}) != nil
	}
	asked := m.Question[0]
	return len(m.Question) == 1 && nameOf(asked.Name) == dnsname.TrimDot(q.Name) && asked.Qtype == q.Type && asked.Qclass == dns.ClassINET
}

// readRecords reads a section.
func readRecords(section []dns.RR) ([]Record, error) {
	var records []Record
	for _, rr := range section {
		header := rr.Header()
		if header.Class != dns.ClassINET {
			continue
		}
		r := Record{Name: nameOf(header.Name), Type: header.Rrtype}
		said := true // for the library takes a record without data, as updates have them
		switch rr := rr.(type) {
		case *dns.SOA:
			r.Serial, r.Minimum = rr.Serial, min(rr.Minttl, header.Ttl)
		case *dns.NS:
			r.Target, said = nameOf(rr.Ns), rr.Ns != ""
		case *dns.CNAME:
			r.Target, said = nameOf(rr.Target), rr.Target != ""
		case *dns.TXT:
			r.Text = textOf(rr.Txt)
		case *dns.A:
			r.Address, said = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			r.Address, said = netip.AddrFromSlice(rr.AAAA)
			r.Address = r.Address.Unmap()
		case *dns.CAA:
			r.CAA, said = CAA{Flags: rr.Flag, Tag: rr.Tag, Value: rr.Value}, rr.Tag != ""
		}
		if !said {
			return nil, errNoData
		}
		records = append(records, r)
	}
	return records, nil
}

// nameOf is a name of a message, bare. What is not fit to be shown is \DDD, as in zone files: a name comes from
// strangers, and is printed on terminals.
func nameOf(name string) string {
	return dnsname.TrimDot(strings.NewReplacer(`\\`, `\092`, `\.`, `\046`, `\ `, `\032`,
		`\'`, `'`, `\@`, `@`, `\;`, `;`, `\(`, `(`, `\)`, `)`, `\"`, `"`).Replace(name))
}

// textOf joins the strings of a TXT record. The library escapes them as zone files do.
func textOf(escaped []string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(strings.Join(escaped, ""))
}

// errRcode is an answer that says that the server cannot or will not answer.
type errRcode int

func (e errRcode) Error() string {
	if name, ok := dns.RcodeToString[int(e)]; ok {
		return "it answers " + name
	}
	return fmt.Sprintf("it answers RCODE %d", int(e))
}

// rcodeError is nil for an answer that tells something. That a name does not exist does, too.
func rcodeError(a *Answer) error {
	if a.RCode != dns.RcodeSuccess && a.RCode != dns.RcodeNameError {
		return errRcode(a.RCode)
	}
	return nil
}
