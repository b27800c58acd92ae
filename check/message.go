package check

import (
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// typeCAA is that of CAA records (RFC 8659), which the library does not know.
const typeCAA dnsmessage.Type = 257

// ednsSize is the size of answers that pass everywhere without fragments.
const ednsSize = 1232

// Query is a question to DNS.
type Query struct {
	// Name is what is asked about, without the final dot.
	Name string
	Type dnsmessage.Type
	// Recursive asks a resolver to follow delegations.
	Recursive bool
}

// Pack is the query as it is sent, under an ID that the answer has to bear.
func (q Query) Pack(id uint16) ([]byte, error) {
	name, err := dnsmessage.NewName(unescaped(q.Name) + ".")
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: q.Recursive})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: name, Type: q.Type, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if err := b.StartAdditionals(); err != nil {
		return nil, err
	}
	var edns dnsmessage.ResourceHeader
	if err := edns.SetEDNS0(ednsSize, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	if err := b.OPTResource(edns, dnsmessage.OPTResource{}); err != nil {
		return nil, err
	}
	return b.Finish()
}

// Answer is what DNS says to a Query.
type Answer struct {
	RCode     dnsmessage.RCode
	Truncated bool // there is more than this
	Answers   []Record
	Authority []Record
}

// Record is one record of an Answer. Names are in lower case, without the final dot.
type Record struct {
	Name string
	Type dnsmessage.Type

	// What it says, as far as its type is one that a check asks about.
	Target  string     // NS, CNAME
	Address netip.Addr // A, AAAA
	Text    string     // TXT: its strings, joined
	CAA     CAA
}
