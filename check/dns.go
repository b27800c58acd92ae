package check

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// DNS is how a check sees the Domain Name System. Network is the real one.
type DNS interface {
	// Resolve asks a resolver, which follows delegations.
	Resolve(ctx context.Context, query *dns.Msg) (*dns.Msg, error)
	// Ask asks the nameserver at an address for what it knows itself.
	Ask(ctx context.Context, nameserver netip.Addr, query *dns.Msg) (*dns.Msg, error)
}

// errRcode is an answer that says that the server cannot or will not answer.
type errRcode int

func (e errRcode) Error() string { return "it answers " + dns.RcodeToString[int(e)] }

// resolverError tells in words why the resolver was of no help.
type resolverError string

func (e resolverError) Error() string { return string(e) }

// query makes a question about a bare name.
func query(name string, qtype uint16, recursive bool) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	m.RecursionDesired = recursive
	m.SetEdns0(ednsSize, false)
	return m
}

// ednsSize is the size of answers that pass everywhere without fragments.
const ednsSize = 1232

// resolve asks the resolver. A name that does not exist is an answer, too.
func resolve(ctx context.Context, d DNS, name string, qtype uint16) (*dns.Msg, error) {
	m, err := d.Resolve(ctx, query(name, qtype, true))
	if err != nil {
		return nil, resolverError("the resolver does not answer: " + dnsFault(err))
	}
	if err := rcodeError(m); err != nil {
		return nil, resolverError("the resolver cannot tell: " + err.Error())
	}
	return m, nil
}

func rcodeError(m *dns.Msg) error {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return errRcode(m.Rcode)
	}
	return nil
}

// askNameserver asks the nameserver's addresses in turn, until one answers. The last failure is the error.
func askNameserver(ctx context.Context, d DNS, addresses []netip.Addr, name string, qtype uint16) (*dns.Msg, error) {
	last := errNoAddress
	for _, address := range addresses {
		m, err := d.Ask(ctx, address, query(name, qtype, false))
		if err == nil {
			err = rcodeError(m)
		}
		if err == nil {
			return m, nil
		}
		if last = err; ctx.Err() != nil {
			break
		}
	}
	return nil, last
}

var errNoAddress = errors.New("its name has no address")

// addressesOf looks the addresses of a nameserver up. One kind of address is enough.
func addressesOf(ctx context.Context, d DNS, host string) ([]netip.Addr, error) {
	var addresses []netip.Addr
	var fault error
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m, err := resolve(ctx, d, host, qtype)
		if err != nil {
			fault = err
			continue
		}
		for _, rr := range m.Answer {
			var ip []byte
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if address, ok := netip.AddrFromSlice(ip); ok {
				addresses = append(addresses, address.Unmap())
			}
		}
	}
	if len(addresses) == 0 && fault == nil {
		fault = errNoAddress
	}
	if len(addresses) > 0 {
		fault = nil
	}
	return addresses, fault
}

// nsNames are the names of the nameservers that an answer or a referral gives for a bare zone, without copies.
func nsNames(m *dns.Msg, zone string) []string {
	var names []string
	seen := map[string]bool{}
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			ns, ok := rr.(*dns.NS)
			if !ok || bare(ns.Hdr.Name) != zone || seen[bare(ns.Ns)] {
				continue
			}
			seen[bare(ns.Ns)] = true
			names = append(names, bare(ns.Ns))
		}
	}
	return names
}

// cnameIn is the bare name to which an answer says that name is an alias; empty for none.
func cnameIn(m *dns.Msg, name string) string {
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && bare(c.Hdr.Name) == name {
			return bare(c.Target)
		}
	}
	return ""
}

// txtIn are the values of the TXT records in an answer.
func txtIn(m *dns.Msg) []string {
	var values []string
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		}
	}
	return values
}
