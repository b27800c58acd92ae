// Package checktest has what the tests of internal/check and of each DNS host's check share.
package checktest

import (
	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// OnTheWire answers a query in wire format, as a server does.
func OnTheWire(query check.Query, answer func(*dns.Msg) *dns.Msg) (*check.Answer, error) {
	const id = 4242
	sent, err := query.Pack(id)
	if err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err = m.Unpack(sent); err != nil {
		return nil, err
	}
	received, err := answer(m).Pack()
	if err != nil {
		return nil, err
	}
	return query.Parse(id, received)
}
