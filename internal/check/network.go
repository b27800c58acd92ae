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

// Network is the DNS of the world, by UDP and then by TCP.
type Network struct {
	resolvers []string
	port      string
}

const (
	dnsPort      = "53"
	resolverFile = "/etc/resolv.conf"
)

var errNoResolver = errors.New("this system names no resolver: give one with --resolver HOST:PORT")

// NewNetwork returns a Network that uses the resolver at host:port, or the system's if that is empty.
// Nameservers are asked on port; 0 is 53.
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

// Resolve asks the resolvers in turn until one answers.
func (n *Network) Resolve(ctx context.Context, query Query) (answer *Answer, err error) {
	for _, resolver := range n.resolvers {
		answer, err = exchange(ctx, query, resolver)
		if err == nil && rcodeError(answer) == nil || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

// Ask asks the nameserver at the address.
func (n *Network) Ask(ctx context.Context, nameserver netip.Addr, query Query) (*Answer, error) {
	return exchange(ctx, query, net.JoinHostPort(nameserver.String(), n.port))
}

// dnsFault says in words why no answer came. The errors of the net package name addresses, which have no
// place in a report.
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
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to it"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return "this system does not allow it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the connection broke off"
	default:
		return "the connection failed"
	}
}
