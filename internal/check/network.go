package check

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"github.com/miekg/dns"
)

// Network is public DNS, queried by UDP and then by TCP.
type Network struct {
	resolvers []string
	port      string
}

const (
	dnsPort      = "53"
	resolverFile = "/etc/resolv.conf"
)

var errNoResolver = errors.New("no resolver in /etc/resolv.conf: set --resolver HOST:PORT")

// NewNetwork returns a Network that uses the resolver at HOST:PORT, or the system's resolvers if it is empty. Nameservers are
// queried on port, or on 53 if it is 0. It returns an error if resolver is malformed or the system has none.
func NewNetwork(resolver string, port uint16) (*Network, error) {
	n := &Network{port: dnsPort}
	if port != 0 {
		n.port = strconv.Itoa(int(port))
	}
	if resolver != "" {
		if _, _, err := net.SplitHostPort(resolver); err != nil {
			return nil, errors.New("--resolver must be HOST:PORT, such as 192.0.2.53:53 or [2001:db8::53]:53")
		}
		n.resolvers = []string{resolver}
		return n, nil
	}
	system, err := dns.ClientConfigFromFile(resolverFile)
	if err != nil || len(system.Servers) == 0 {
		return nil, errNoResolver
	}
	for _, server := range system.Servers {
		n.resolvers = append(n.resolvers, net.JoinHostPort(server, dnsPort))
	}
	return n, nil
}

// Resolve queries the resolvers in turn until one answers.
func (n *Network) Resolve(ctx context.Context, query Query) (answer *Answer, err error) {
	for _, resolver := range n.resolvers {
		answer, err = exchange(ctx, query, resolver)
		if err == nil && rcodeError(answer) == nil {
			break
		}
	}
	return answer, err
}

// Ask queries the nameserver at the address.
func (n *Network) Ask(ctx context.Context, nameserver netip.Addr, query Query) (*Answer, error) {
	return exchange(ctx, query, net.JoinHostPort(nameserver.String(), n.port))
}

// dnsFault returns a constant message for a failed query. Errors of the net package contain addresses, which must not be in a report.
func dnsFault(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, new(errRcode)), errors.As(err, new(resolverError)), errors.Is(err, errNoAddress):
		return err.Error()
	case errors.Is(err, errGarbled), errors.Is(err, errUnrelated):
		return errGarbled.Error()
	case errors.Is(err, context.Canceled):
		return "the check was interrupted"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to host"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "not permitted by this system"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "connection lost"
	default:
		return "connection failed"
	}
}
