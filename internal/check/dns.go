package check

import (
	"context"
	"errors"
	"net/netip"

	"github.com/miekg/dns"
)

// DNS answers queries. Network is the implementation for public DNS.
type DNS interface {
	// Resolve queries a recursive resolver.
	Resolve(ctx context.Context, query Query) (*Answer, error)
	// Ask queries the authoritative nameserver at an address.
	Ask(ctx context.Context, nameserver netip.Addr, query Query) (*Answer, error)
}

// resolverError is a failure of the resolver, not of a nameserver.
type resolverError struct {
	words string
	cause error
}

func (e resolverError) Error() string { return e.words }

func (e resolverError) Unwrap() error { return e.cause }

// resolve queries the resolver. NXDOMAIN is an answer, not an error.
func resolve(ctx context.Context, d DNS, name string, qtype uint16) (*Answer, error) {
	m, err := d.Resolve(ctx, Query{Name: name, Type: qtype, Recursive: true})
	if err != nil {
		return nil, resolverError{"no answer from the resolver: " + dnsFault(err), err}
	}
	if err := rcodeError(m); err != nil {
		return nil, resolverError{"resolver error: " + err.Error(), err}
	}
	return m, nil
}

// askNameserver queries the nameserver's addresses in turn until one answers. It returns the last error.
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
		last = err
	}
	return nil, last
}

var errNoAddress = errors.New("its name does not resolve")

// addressesOf looks up the addresses of a nameserver. It succeeds if it finds an address of either family.
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

// nsNames returns the nameservers of zone in an answer or a referral, without duplicates.
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

// cnameIn returns the target in the answer to a CNAME query, or "".
func cnameIn(m *Answer) string {
	for _, r := range m.Answers {
		if r.Type == dns.TypeCNAME {
			return r.Target
		}
	}
	return ""
}

// txtIn returns the values of the TXT records in an answer.
func txtIn(m *Answer) []string {
	var values []string
	for _, r := range m.Answers {
		if r.Type == dns.TypeTXT {
			values = append(values, r.Text)
		}
	}
	return values
}
