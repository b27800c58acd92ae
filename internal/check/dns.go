package check

import (
	"context"
	"errors"
	"net/netip"

	"github.com/miekg/dns"
)

// DNS is how a check sees the Domain Name System. Network is the real one.
type DNS interface {
	// Resolve asks a resolver, which follows delegations.
	Resolve(ctx context.Context, query Query) (*Answer, error)
	// Ask asks the nameserver at an address for what it knows itself.
	Ask(ctx context.Context, nameserver netip.Addr, query Query) (*Answer, error)
}

// resolverError tells in words why the resolver was of no help.
type resolverError struct {
	words string
	cause error
}

func (e resolverError) Error() string { return e.words }

func (e resolverError) Unwrap() error { return e.cause }

// resolve asks the resolver. A name that does not exist is an answer, too.
func resolve(ctx context.Context, d DNS, name string, qtype uint16) (*Answer, error) {
	m, err := d.Resolve(ctx, Query{Name: name, Type: qtype, Recursive: true})
	if err != nil {
		return nil, resolverError{"the resolver does not answer: " + dnsFault(err), err}
	}
	if err := rcodeError(m); err != nil {
		return nil, resolverError{"the resolver failed: " + err.Error(), err}
	}
	return m, nil
}

// askNameserver asks the nameserver's addresses in turn, until one answers. The last failure is the error.
func askNameserver(ctx context.Context, d DNS, addresses []netip.Addr, name string, qtype uint16) (*Answer, error) {
	last := errNoAddress
	for _, address := range addresses {
		m, err := d.Ask(ctx, address, Query{Name: name, Type: qtype})
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
		for _, r := range m.Answers {
			if r.Address.IsValid() {
				addresses = append(addresses, r.Address)
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
func nsNames(m *Answer, zone string) []string {
	var names []string
	seen := map[string]bool{}
	for _, section := range [][]Record{m.Answers, m.Authority} {
		for _, r := range section {
			if r.Type != dns.TypeNS || r.Name != zone || seen[r.Target] {
				continue
			}
			seen[r.Target] = true
			names = append(names, r.Target)
		}
	}
	return names
}

// cnameIn is the bare name to which an answer says that name is an alias; empty for none.
func cnameIn(m *Answer, name string) string {
	for _, r := range m.Answers {
		if r.Type == dns.TypeCNAME && r.Name == name {
			return r.Target
		}
	}
	return ""
}

// txtIn are the values of the TXT records in an answer.
func txtIn(m *Answer) []string {
	var values []string
	for _, r := range m.Answers {
		if r.Type == dns.TypeTXT {
			values = append(values, r.Text)
		}
	}
	return values
}
