package check_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

func TestExchange_ForgedAnswers(t *testing.T) {
	t.Parallel()
	a, err := ask(t, func(udp dns.ResponseWriter, query *dns.Msg) {
		forged := new(dns.Msg).SetReply(query)
		forged.Id++
		other := new(dns.Msg).SetReply(query)
		other.Question[0].Name = "example.com."
		_, _ = udp.Write([]byte("garbage"))
		_ = udp.WriteMsg(forged)
		_ = udp.WriteMsg(other)
		_ = udp.WriteMsg(withAddress(t, query))
	}, nil)
	wantAddress(t, a, err)
}

// The UDP buffer has the size that the query announces. TCP is closed, so it cannot help.
func TestExchange_LargeUDP(t *testing.T) {
	t.Parallel()
	a, err := ask(t, func(udp dns.ResponseWriter, query *dns.Msg) {
		m := withAddress(t, query)
		m.Extra = []dns.RR{rr(t, "example.nl. 60 TXT "+strings.Repeat(` "`+strings.Repeat("x", 99)+`"`, 10))}
		_ = udp.WriteMsg(m)
	}, nil)
	wantAddress(t, a, err)
}

func TestExchange_MalformedUDP(t *testing.T) {
	t.Parallel()
	a, err := ask(t, func(udp dns.ResponseWriter, query *dns.Msg) {
		wire, err := withAddress(t, query).Pack()
		if err != nil {
			t.Error(err)
		}
		_, _ = udp.Write(wire[:len(wire)-1])
	}, func(tcp dns.ResponseWriter, query *dns.Msg) { _ = tcp.WriteMsg(withAddress(t, query)) })
	wantAddress(t, a, err)
}

func TestExchange_LostUDP(t *testing.T) {
	t.Parallel()
	a, err := ask(t, func(dns.ResponseWriter, *dns.Msg) {},
		func(tcp dns.ResponseWriter, query *dns.Msg) { _ = tcp.WriteMsg(withAddress(t, query)) })
	wantAddress(t, a, err)
}

func TestExchange_Timeout(t *testing.T) {
	t.Parallel()
	start := time.Now()
	a, err := ask(t, func(dns.ResponseWriter, *dns.Msg) {}, func(tcp dns.ResponseWriter, _ *dns.Msg) {
		_, _ = tcp.Write(nil) // an answer of no bytes
	})
	if elapsed := time.Since(start); err == nil || elapsed > 10*time.Second {
		t.Errorf("got %+v, %v after %s, want an error in 10s", a, err, elapsed)
	}
}

// The first resolver is down, and the second returns SERVFAIL.
func TestResolve_NextResolver(t *testing.T) {
	t.Parallel()
	failing := resolver(t, func(w dns.ResponseWriter, query *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(query, dns.RcodeServerFailure))
	})
	good := resolver(t, func(w dns.ResponseWriter, query *dns.Msg) { _ = w.WriteMsg(withAddress(t, query)) })
	a, err := check.NewNetworkOf("127.0.0.1:1", failing, good).Resolve(t.Context(), check.Query{Name: "example.nl", Type: dns.TypeA})
	wantAddress(t, a, err)
}

// resolver starts a resolver and returns its address.
func resolver(t *testing.T, udp dns.HandlerFunc) string {
	t.Helper()
	packets, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, &dns.Server{PacketConn: packets, Handler: udp})
	return packets.LocalAddr().String()
}

// ask queries a nameserver with these handlers. Without a TCP handler, its TCP port is closed.
func ask(t *testing.T, udp, tcp dns.HandlerFunc) (*check.Answer, error) {
	t.Helper()
	packets, listener := onePort(t)
	serve(t, &dns.Server{PacketConn: packets, Handler: udp})
	if tcp != nil {
		serve(t, &dns.Server{Listener: listener, Handler: tcp})
	} else if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	network, err := check.NewNetwork(packets.LocalAddr().String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return network.Resolve(t.Context(), check.Query{Name: "example.nl", Type: dns.TypeA})
}

// onePort listens on one port for both UDP and TCP. On a busy machine this takes some tries.
func onePort(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 10 {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		packets, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", listener.Addr().String())
		if err == nil {
			return packets, listener
		}
		_ = listener.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

func serve(t *testing.T, server *dns.Server) {
	t.Helper()
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
}

func withAddress(t *testing.T, query *dns.Msg) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetReply(query)
	m.Answer = []dns.RR{rr(t, "example.nl. 60 A 192.0.2.1")}
	return m
}

func wantAddress(t *testing.T, a *check.Answer, err error) {
	t.Helper()
	if err != nil || len(a.Answers) != 1 || a.Answers[0].Address.String() != "192.0.2.1" {
		t.Errorf("got %+v, %v, want one A record 192.0.2.1", a, err)
	}
}

// rr parses a record in zone file format.
func rr(tb testing.TB, text string) dns.RR {
	tb.Helper()
	record, err := dns.NewRR(text)
	if err != nil {
		tb.Fatal(err)
	}
	return record
}

// unknown returns a record with data in hex.
func unknown(rrtype uint16, data string) *dns.RFC3597 {
	return &dns.RFC3597{Hdr: dns.RR_Header{Name: "example.nl.", Rrtype: rrtype, Class: dns.ClassINET, Ttl: 60}, Rdata: data}
}
