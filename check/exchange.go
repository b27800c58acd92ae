package check

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// dnsTimeout bounds one exchange. A nameserver that takes longer is as good as none to a validating CA.
const dnsTimeout = 3 * time.Second

// exchange asks by UDP, and again by TCP where the answer does not fit or does not come.
func exchange(ctx context.Context, query Query, server string) (*Answer, error) {
	answer, err := exchangeBy(ctx, "udp", overUDP, query, server)
	if err == nil && !answer.Truncated || ctx.Err() != nil {
		return answer, err
	}
	return exchangeBy(ctx, "tcp", overTCP, query, server)
}

// talk sends a query over a connection and returns the answer.
type talk func(conn net.Conn, query Query) (*Answer, error)

func exchangeBy(ctx context.Context, network string, talk talk, query Query, server string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // what was read was read
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	return talk(conn, query)
}

// overUDP waits for the answer among whatever else comes: a late answer to an earlier query, or a forged one.
func overUDP(conn net.Conn, query Query) (*Answer, error) {
	id := newID()
	message, err := query.Pack(id)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	buffer := make([]byte, ednsSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		if answer, err := query.Parse(id, buffer[:n]); !errors.Is(err, errUnrelated) {
			return answer, err
		}
	}
}

// overTCP frames messages by their length (RFC 1035, 4.2.2), which bounds the answer to 64 KiB.
func overTCP(conn net.Conn, query Query) (*Answer, error) {
	id := newID()
	message, err := query.Pack(id)
	if err != nil {
		return nil, err
	}
	// In one write, as some servers want the length and the query in one segment (RFC 7766, 8).
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(message))) //nolint:gosec // a query is some hundred bytes
	if _, err := conn.Write(append(framed, message...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	buffer := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, buffer); err != nil {
		return nil, err
	}
	return query.Parse(id, buffer)
}

// newID is a message ID that nobody can guess.
func newID() uint16 {
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	return binary.BigEndian.Uint16(id[:])
}
