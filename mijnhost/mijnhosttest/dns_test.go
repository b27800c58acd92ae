package mijnhosttest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func dnsRecords() []Record {
	return []Record{
		{"A", "example.nl.", "192.0.2.1", 300},
		{"MX", "@", "10 mail.example.nl.", 300},
		{"CAA", "example.nl", `0 issue "ca.example"`, 300},
		{"NS", "example.nl.", "ns.ignored.example.", 300},
		{"AAAA", "www", "2001:db8::1", 300},
		{"SRV", "_sip._tcp", "1 2 5060 sip.example.nl", 300},
		{"NS", "child", "ns.child.example.nl.", 300},
		{"TXT", "_acme-challenge", "one", 60},
		{"TXT", "_Acme-Challenge.Example.NL.", `"two"`, 60},
		{"TXT", "odd", `a "b" \c; é`, 60},
		{"TXT", "long", strings.Repeat("x", 300), 60},
		{"CNAME", "alias", "www.example.nl.", 60},
		{"CNAME", "far", "target.other.example", 60},
		{"CNAME", "out", "host.outside.test.", 60},
		{"CNAME", "loop", "loop.example.nl.", 60},
		{"CNAME", "missing", "nothing.example.nl.", 60},
		{"TXT", "*.wild", "star", 60},
		{"A", "there.wild", "192.0.2.2", 60},
		{"TXT", "deep.empty", "v", 60},
		{"A", "broken", "not an address", 60},
		{"ALIAS", "api", "x.example.nl.", 60},
		{"TXT", "twice", "v", 60},
		{"TXT", "twice", "v", 60},
	}
}

func dnsServer(t *testing.T, opts Options) *Server {
	t.Helper()
	s := newTestServer(t, opts, dnsRecords()...)
	s.AddDomain(testKey, "sub.example.nl")
	s.SetRecords("sub.example.nl", []Record{txt("@", "in the sub-zone")})
	s.AddStaticZone("other.example",
		Record{"TXT", "target", "found", 60},
		Record{"CNAME", "_acme-challenge", "_acme-challenge.example.nl.", 60},
	)
	return s
}

func ask(s *Server, name string, qtype uint16) *dns.Msg {
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(name), qtype)
	return s.Answer(query)
}

// short formats records, sorted.
func short(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		value := strings.TrimPrefix(rr.String(), rr.Header().String())
		if soa, ok := rr.(*dns.SOA); ok {
			value = soa.Ns
		}
		out = append(out, fmt.Sprintf("%s %s %s", rr.Header().Name, dns.TypeToString[rr.Header().Rrtype], value))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func TestDNS_Answers(t *testing.T) {
	t.Parallel()
	const (
		ok      = dns.RcodeSuccess
		none    = dns.RcodeNameError
		soa     = "example.nl. SOA ns1.mijn.host."
		rootSOA = ". SOA ns1.mijn.host."
	)
	s := dnsServer(t, Options{})
	for _, c := range []struct {
		claim, name string
		qtype       uint16
		rcode       int
		answer, ns  string
	}{
		{"A", "example.nl", dns.TypeA, ok, "example.nl. A 192.0.2.1", ""},
		{"upper case", "EXAMPLE.nl", dns.TypeA, ok, "example.nl. A 192.0.2.1", ""},
		{"MX", "example.nl", dns.TypeMX, ok, "example.nl. MX 10 mail.example.nl.", ""},
		{"CAA", "example.nl", dns.TypeCAA, ok, `example.nl. CAA 0 issue "ca.example"`, ""},
		{"AAAA", "www.example.nl", dns.TypeAAAA, ok, "www.example.nl. AAAA 2001:db8::1", ""},
		{"SRV", "_sip._tcp.example.nl", dns.TypeSRV, ok, "_sip._tcp.example.nl. SRV 1 2 5060 sip.example.nl.", ""},
		{"NS of the zone", "example.nl", dns.TypeNS, ok, "example.nl. NS ns1.mijn.host., example.nl. NS ns2.mijn.host.", ""},
		{"NS of a child", "child.example.nl", dns.TypeNS, ok, "child.example.nl. NS ns.child.example.nl.", ""},
		{"nameserver address", "ns2.mijn.host", dns.TypeA, ok, "ns2.mijn.host. A 127.0.0.1", ""},
		{
			"two values in different forms", "_acme-challenge.example.nl", dns.TypeTXT, ok,
			`_acme-challenge.example.nl. TXT "one", _acme-challenge.example.nl. TXT "two"`, "",
		},
		{"special characters", "odd.example.nl", dns.TypeTXT, ok, `odd.example.nl. TXT "a \"b\" \\c; \195\169"`, ""},
		{
			"long text is split", "long.example.nl", dns.TypeTXT, ok,
			`long.example.nl. TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`, "",
		},
		{"duplicate record", "twice.example.nl", dns.TypeTXT, ok, `twice.example.nl. TXT "v"`, ""},
		{
			"CNAME", "alias.example.nl", dns.TypeAAAA, ok,
			"alias.example.nl. CNAME www.example.nl., www.example.nl. AAAA 2001:db8::1", "",
		},
		{"CNAME to a name without the type", "alias.example.nl", dns.TypeA, ok, "alias.example.nl. CNAME www.example.nl.", soa},
		{"CNAME query", "alias.example.nl", dns.TypeCNAME, ok, "alias.example.nl. CNAME www.example.nl.", ""},
		{
			"CNAME into another zone", "far.example.nl", dns.TypeTXT, ok,
			`far.example.nl. CNAME target.other.example., target.other.example. TXT "found"`, "",
		},
		{
			"CNAME from a static zone", "_acme-challenge.other.example", dns.TypeTXT, ok,
			`_acme-challenge.example.nl. TXT "one", _acme-challenge.example.nl. TXT "two", _acme-challenge.other.example. CNAME _acme-challenge.example.nl.`, "",
		},
		{"CNAME to a name not hosted", "out.example.nl", dns.TypeA, ok, "out.example.nl. CNAME host.outside.test.", ""},
		{"CNAME to a missing name", "missing.example.nl", dns.TypeA, none, "missing.example.nl. CNAME nothing.example.nl.", soa},
		{"wildcard", "x.wild.example.nl", dns.TypeTXT, ok, `x.wild.example.nl. TXT "star"`, ""},
		{"wildcard, two labels", "x.y.wild.example.nl", dns.TypeTXT, ok, `x.y.wild.example.nl. TXT "star"`, ""},
		{"wildcard without the type", "x.wild.example.nl", dns.TypeA, ok, "", soa},
		{"wildcard does not match an existing name", "there.wild.example.nl", dns.TypeTXT, ok, "", soa},
		{"wildcard does not match below an existing name", "x.there.wild.example.nl", dns.TypeTXT, none, "", soa},
		{"wildcard does not match its parent", "wild.example.nl", dns.TypeTXT, ok, "", soa},
		{"empty non-terminal", "empty.example.nl", dns.TypeTXT, ok, "", soa},
		{"missing name", "nothing.example.nl", dns.TypeTXT, none, "", soa},
		{"name with a common suffix only", "y.example.nl", dns.TypeTXT, none, "", soa},
		{"invalid value", "broken.example.nl", dns.TypeA, ok, "", soa},
		{"type that only the API has", "api.example.nl", dns.TypeA, ok, "", soa},
		{"SOA", "example.nl", dns.TypeSOA, ok, soa, ""},
		{"SOA of a name below the apex", "_acme-challenge.example.nl", dns.TypeSOA, ok, "", soa},
		{"SOA of a missing name", "nothing.example.nl", dns.TypeSOA, none, "", soa},
		{"zone below a zone", "sub.example.nl", dns.TypeTXT, ok, `sub.example.nl. TXT "in the sub-zone"`, ""},
		{"CAA of a parent", "nl", dns.TypeCAA, ok, "", rootSOA},
		{"SOA of a parent", "nl", dns.TypeSOA, ok, "", rootSOA},
		{"SOA of the root", ".", dns.TypeSOA, ok, rootSOA, ""},
		{"CAA of the root", ".", dns.TypeCAA, ok, "", rootSOA},
		{"name not hosted", "www.outside.test", dns.TypeA, none, "", rootSOA},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			got := ask(s, c.name, c.qtype)
			if got.Rcode != c.rcode || short(got.Answer) != c.answer || short(got.Ns) != c.ns {
				t.Errorf("got %s\nanswer %s\nauthority %s", dns.RcodeToString[got.Rcode], short(got.Answer), short(got.Ns))
			}
			if !got.Authoritative || !got.RecursionAvailable {
				t.Error("want authoritative, with recursion available")
			}
			if packed, err := got.Pack(); err != nil {
				t.Error(err)
			} else if err := new(dns.Msg).Unpack(packed); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDNS_CNAMELoop(t *testing.T) {
	t.Parallel()
	if got := ask(dnsServer(t, Options{}), "loop.example.nl", dns.TypeA); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("got %s", dns.RcodeToString[got.Rcode])
	}
}

func TestDNS_NameserverAddresses(t *testing.T) {
	t.Parallel()
	const want = "ns1.mijn.host. A 127.0.0.1, ns2.mijn.host. A 127.0.0.1"
	if got := short(ask(dnsServer(t, Options{}), "example.nl", dns.TypeNS).Extra); got != want {
		t.Errorf("got %s", got)
	}
}

func TestDNS_RemovedZone(t *testing.T) {
	t.Parallel()
	s := dnsServer(t, Options{})
	s.RemoveDomain("sub.example.nl")
	if got := ask(s, "sub.example.nl", dns.TypeTXT); got.Rcode != dns.RcodeNameError || short(got.Ns) != "example.nl. SOA ns1.mijn.host." {
		t.Errorf("got %s", got)
	}
}

func TestDNS_NameserversElsewhere(t *testing.T) {
	t.Parallel()
	s := dnsServer(t, Options{})
	s.SetDNSElsewhere(testDomain)
	if got := ask(s, "example.nl", dns.TypeA); len(got.Answer) > 0 {
		t.Errorf("got %s", got)
	}
}

func TestDNS_Refusals(t *testing.T) {
	t.Parallel()
	s := dnsServer(t, Options{})
	for claim, c := range map[string]struct {
		spoil func(*dns.Msg)
		rcode int
	}{
		"other opcode":         {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"no question":          {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"other class":          {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"AXFR":                 {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused},
		"unknown EDNS version": {func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
	} {
		query := new(dns.Msg)
		query.SetQuestion("example.nl.", dns.TypeA)
		c.spoil(query)
		if got := s.Answer(query); got.Rcode != c.rcode || len(got.Answer) > 0 {
			t.Errorf("%s: %s", claim, got)
		}
	}
}

func TestDNS_Lag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dnsServer(t, Options{DNSLag: 54 * time.Second})
		patch(s, txt("new", "v"))
		pass(54*time.Second - 1)
		if got := ask(s, "new.example.nl", dns.TypeTXT); got.Rcode != dns.RcodeNameError {
			t.Errorf("before the lag: got %s", got)
		}
		before := serial(t, s)
		pass(1)
		if got := short(ask(s, "new.example.nl", dns.TypeTXT).Answer); got != `new.example.nl. TXT "v"` {
			t.Errorf("got %s", got)
		}
		if after := serial(t, s); after <= before {
			t.Errorf("serial before %d, after %d: want it greater", before, after)
		}
	})
}

func serial(t *testing.T, s *Server) uint32 {
	t.Helper()
	for _, rr := range ask(s, "example.nl", dns.TypeSOA).Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	t.Fatal("no SOA")
	return 0
}

func TestDNS_Port(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	populate(s)
	for i := range 40 {
		s.AddRecord(testDomain, txt("many", fmt.Sprintf("%043d", i)))
	}
	query := new(dns.Msg)
	query.SetQuestion("many.example.nl.", dns.TypeTXT)
	for _, c := range []struct {
		network   string
		size      uint16
		truncated bool
	}{
		{"udp", 0, true}, {"udp", 1232, true}, {"udp", 65000, true}, {"tcp", 0, false},
	} {
		q := query.Copy()
		if c.size > 0 {
			q.SetEdns0(c.size, false)
		}
		got, _, err := (&dns.Client{Net: c.network}).Exchange(q, s.DNSAddr())
		if err != nil {
			t.Fatal(err)
		}
		if got.Truncated != c.truncated || (len(got.Answer) == 40) == c.truncated || (got.IsEdns0() != nil) != (c.size > 0) {
			t.Errorf("%+v: truncated %v, %d records, EDNS %v", c, got.Truncated, len(got.Answer), got.IsEdns0())
		}
	}
	t.Run("Go resolver", func(t *testing.T) {
		t.Parallel()
		resolver := resolverAt(s.DNSAddr())
		got, err := resolver.LookupTXT(t.Context(), "many.example.nl")
		if err != nil || len(got) != 40 {
			t.Errorf("got %d texts, %v", len(got), err)
		}
	})
}

func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
}

func BenchmarkDNSInAZoneOf10000(b *testing.B) {
	s := New(Options{})
	populate(s, manyRecords(10_000)...)
	for b.Loop() {
		ask(s, "_acme-challenge.example.nl", dns.TypeTXT)
	}
}
