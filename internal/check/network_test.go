package check_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const domain = "example.nl"

func TestNetwork_TruncatedUDP(t *testing.T) {
	t.Parallel()
	api := mijnhosttest.Start(t, mijnhosttest.Options{})
	api.AddAccount("key", domain)
	const many = 60
	for i := range many {
		api.AddRecord(domain, mijnhosttest.Record{
			Type: "TXT", Name: "many.example.nl.", Value: fmt.Sprintf("%d-%s", i, strings.Repeat("x", 60)), TTL: 60,
		})
	}
	network, nameserver := networkOf(t, api)
	query := check.Query{Name: "many.example.nl", Type: dns.TypeTXT}
	for name, ask := range map[string]func(context.Context) (*check.Answer, error){
		"resolver":   func(ctx context.Context) (*check.Answer, error) { return network.Resolve(ctx, query) },
		"nameserver": func(ctx context.Context) (*check.Answer, error) { return network.Ask(ctx, nameserver, query) },
	} {
		if m, err := ask(t.Context()); err != nil || len(m.Answers) != many {
			t.Errorf("%s: got %v, %v, want %d records", name, m, err, many)
		}
	}
}

func TestNewNetwork_InvalidResolver(t *testing.T) {
	t.Parallel()
	for _, resolver := range []string{"192.0.2.53", "dns.example", "[2001:db8::53]"} {
		if _, err := check.NewNetwork(resolver, 0); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
			t.Errorf("%s: got error %v, want HOST:PORT", resolver, err)
		}
	}
}

// networkOf returns the DNS of a simulator and the address of its nameservers.
func networkOf(t *testing.T, api *mijnhosttest.Server) (*check.Network, netip.Addr) {
	t.Helper()
	at, err := net.ResolveUDPAddr("udp", api.DNSAddr())
	if err != nil {
		t.Fatal(err)
	}
	network, err := check.NewNetwork(api.DNSAddr(), at.AddrPort().Port())
	if err != nil {
		t.Fatal(err)
	}
	return network, at.AddrPort().Addr()
}
