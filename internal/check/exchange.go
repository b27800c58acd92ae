package check

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/miekg/dns"
)

// dnsTimeout bounds one exchange. CAs do not wait longer either.
const dnsTimeout = 3 * time.Second

// exchange queries by UDP, and again by TCP if the answer is truncated or missing.
func exchange(ctx context.Context, query Query, server string) (*Answer, error) {
	answer, err := exchangeBy(ctx, "udp", query, server)
	if err == nil && !answer.Truncated {
		return answer, nil
	}
	return exchangeBy(ctx, "tcp", query, server)
}

// exchangeBy skips UDP messages that do not answer the query, such as late or forged ones. The library's exchange would fail on them.
func exchangeBy(ctx context.Context, network string, query Query, server string) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	conn := &dns.Conn{Conn: raw, UDPSize: ednsSize}
	defer func() { _ = conn.Close() }() // the answer is complete
	if deadline, ok := ctx.Deadline(); ok {
		if err = conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	id := dns.Id()
	message, err := query.Pack(id)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	for {
		message, err := conn.ReadMsgHeader(nil)
		var answer *Answer
		switch {
		case errors.Is(err, dns.ErrShortRead):
			err = errUnrelated
		case err == nil:
			answer, err = query.Parse(id, message)
		}
		if network != "udp" || !errors.Is(err, errUnrelated) {
			return answer, err
		}
	}
}
