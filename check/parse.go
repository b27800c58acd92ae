package check

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

var (
	// errUnrelated is a message that is no answer to the query: it is late, lost its way or was forged.
	errUnrelated = errors.New("this is no answer to the query")
	errGarbled   = errors.New("its answer is garbled")
)

// Parse reads the answer to the query that was sent under the ID.
func (q Query) Parse(id uint16, message []byte) (*Answer, error) {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || header.ID != id || !header.Response {
		return nil, errUnrelated
	}
	if !q.isAskedIn(&p, header.RCode) {
		return nil, errUnrelated
	}
	a, err := readAnswer(&p, header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGarbled, err)
	}
	return a, nil
}

// isAskedIn reads the questions of an answer, and tells whether they are the query's. A server that did not
// understand the query, or did not want to, may leave it out.
func (q Query) isAskedIn(p *dnsmessage.Parser, rcode dnsmessage.RCode) bool {
	asked, err := p.Question()
	if errors.Is(err, dnsmessage.ErrSectionDone) {
		return rcodeError(&Answer{RCode: rcode}) != nil
	}
	if err != nil || nameOf(asked.Name) != dnsname.TrimDot(q.Name) || asked.Type != q.Type || asked.Class != dnsmessage.ClassINET {
		return false
	}
	_, err = p.Question()
	return errors.Is(err, dnsmessage.ErrSectionDone)
}

// readAnswer reads what follows the questions.
func readAnswer(p *dnsmessage.Parser, header dnsmessage.Header) (a *Answer, err error) {
	a = &Answer{RCode: header.RCode, Truncated: header.Truncated}
	if a.Answers, err = readRecords(p, p.AnswerHeader, p.SkipAnswer); err != nil {
		return nil, err
	}
	if a.Authority, err = readRecords(p, p.AuthorityHeader, p.SkipAuthority); err != nil {
		return nil, err
	}
	for {
		h, err := p.AdditionalHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return a, nil
		}
		if err == nil {
			err = p.SkipAdditional()
		}
		if err != nil {
			return nil, err
		}
		if h.Type == dnsmessage.TypeOPT {
			a.RCode = h.ExtendedRCode(header.RCode)
		}
	}
}

// readRecords reads a section.
func readRecords(p *dnsmessage.Parser, next func() (dnsmessage.ResourceHeader, error), skip func() error) ([]Record, error) {
	var records []Record
	for {
		h, err := next()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		r := Record{Name: nameOf(h.Name), Type: h.Type}
		if h.Class != dnsmessage.ClassINET {
			err = skip()
		} else if err = r.read(p, skip); err == nil {
			records = append(records, r)
		}
		if err != nil {
			return nil, err
		}
	}
}

// read reads what a record says. Whatever no check looks at is passed over: of an SOA record that is all, as the
// mailbox in it may hold characters that the library takes for a fault.
func (r *Record) read(p *dnsmessage.Parser, skip func() error) error {
	switch r.Type {
	case dnsmessage.TypeNS:
		ns, err := p.NSResource()
		r.Target = nameOf(ns.NS)
		return err
	case dnsmessage.TypeCNAME:
		cname, err := p.CNAMEResource()
		r.Target = nameOf(cname.CNAME)
		return err
	case dnsmessage.TypeTXT:
		txt, err := p.TXTResource()
		r.Text = strings.Join(txt.TXT, "")
		return err
	case dnsmessage.TypeA, dnsmessage.TypeAAAA, typeCAA:
		raw, err := p.UnknownResource()
		if err != nil {
			return err
		}
		return r.readRaw(raw.Data)
	default:
		return skip()
	}
}

var errAddressLength = errors.New("an address has the wrong length")

// readRaw reads the data of a record that holds no names.
func (r *Record) readRaw(data []byte) (err error) {
	if r.Type == typeCAA {
		r.CAA, err = parseCAA(data)
		return err
	}
	address, ok := netip.AddrFromSlice(data)
	if !ok || address.Is4() != (r.Type == dnsmessage.TypeA) {
		return errAddressLength
	}
	r.Address = address.Unmap()
	return nil
}
