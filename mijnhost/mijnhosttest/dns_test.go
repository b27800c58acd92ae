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

// short is what matters of some records, in an order that does not.
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
		{"a record", "example.nl", dns.TypeA, ok, "example.nl. A 192.0.2.1", ""},
		{"names in any case", "EXAMPLE.nl", dns.TypeA, ok, "example.nl. A 192.0.2.1", ""},
		{"mail", "example.nl", dns.TypeMX, ok, "example.nl. MX 10 mail.example.nl.", ""},
		{"authorities", "example.nl", dns.TypeCAA, ok, `example.nl. CAA 0 issue "ca.example"`, ""},
		{"an address of six", "www.example.nl", dns.TypeAAAA, ok, "www.example.nl. AAAA 2001:db8::1", ""},
		{"a service", "_sip._tcp.example.nl", dns.TypeSRV, ok, "_sip._tcp.example.nl. SRV 1 2 5060 sip.example.nl.", ""},
		{"the zone's own nameservers alone", "example.nl", dns.TypeNS, ok, "example.nl. NS ns1.mijn.host., example.nl. NS ns2.mijn.host.", ""},
		{"nameservers of a child", "child.example.nl", dns.TypeNS, ok, "child.example.nl. NS ns.child.example.nl.", ""},
		{"addresses of the nameservers", "ns2.mijn.host", dns.TypeA, ok, "ns2.mijn.host. A 127.0.0.1", ""},
		{
			"two values, relative, absolute, bare and quoted", "_acme-challenge.example.nl", dns.TypeTXT, ok,
			`_acme-challenge.example.nl. TXT "one", _acme-challenge.example.nl. TXT "two"`, "",
		},
		{"an odd text as it is", "odd.example.nl", dns.TypeTXT, ok, `odd.example.nl. TXT "a \"b\" \\c; \195\169"`, ""},
		{
			"a long text in pieces", "long.example.nl", dns.TypeTXT, ok,
			`long.example.nl. TXT "` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`, "",
		},
		{"a copy once", "twice.example.nl", dns.TypeTXT, ok, `twice.example.nl. TXT "v"`, ""},
		{
			"an alias followed", "alias.example.nl", dns.TypeAAAA, ok,
			"alias.example.nl. CNAME www.example.nl., www.example.nl. AAAA 2001:db8::1", "",
		},
		{"an alias to nothing of the type", "alias.example.nl", dns.TypeA, ok, "alias.example.nl. CNAME www.example.nl.", soa},
		{"an alias itself", "alias.example.nl", dns.TypeCNAME, ok, "alias.example.nl. CNAME www.example.nl.", ""},
		{
			"an alias into another zone", "far.example.nl", dns.TypeTXT, ok,
			`far.example.nl. CNAME target.other.example., target.other.example. TXT "found"`, "",
		},
		{
			"a challenge delegated into an account's zone", "_acme-challenge.other.example", dns.TypeTXT, ok,
			`_acme-challenge.example.nl. TXT "one", _acme-challenge.example.nl. TXT "two", _acme-challenge.other.example. CNAME _acme-challenge.example.nl.`, "",
		},
		{"an alias to the world outside", "out.example.nl", dns.TypeA, ok, "out.example.nl. CNAME host.outside.test.", ""},
		{"an alias to a name that is not there", "missing.example.nl", dns.TypeA, none, "missing.example.nl. CNAME nothing.example.nl.", soa},
		{"a wildcard", "x.wild.example.nl", dns.TypeTXT, ok, `x.wild.example.nl. TXT "star"`, ""},
		{"a wildcard of many labels", "x.y.wild.example.nl", dns.TypeTXT, ok, `x.y.wild.example.nl. TXT "star"`, ""},
		{"a wildcard without the type", "x.wild.example.nl", dns.TypeA, ok, "", soa},
		{"no wildcard for a name that is there", "there.wild.example.nl", dns.TypeTXT, ok, "", soa},
		{"no wildcard below a name that is there", "x.there.wild.example.nl", dns.TypeTXT, none, "", soa},
		{"no wildcard for its own parent", "wild.example.nl", dns.TypeTXT, ok, "", soa},
		{"a name that only has something below it", "empty.example.nl", dns.TypeTXT, ok, "", soa},
		{"a name that is not there", "nothing.example.nl", dns.TypeTXT, none, "", soa},
		{"a name that merely ends alike", "y.example.nl", dns.TypeTXT, none, "", soa},
		{"a record that DNS can not have", "broken.example.nl", dns.TypeA, ok, "", soa},
		{"a type that is the API's own", "api.example.nl", dns.TypeA, ok, "", soa},
		{"the SOA of a zone", "example.nl", dns.TypeSOA, ok, soa, ""},
		{"no SOA below, but whose it would be", "_acme-challenge.example.nl", dns.TypeSOA, ok, "", soa},
		{"no SOA of what is not there", "nothing.example.nl", dns.TypeSOA, none, "", soa},
		{"a zone within a zone", "sub.example.nl", dns.TypeTXT, ok, `sub.example.nl. TXT "in the sub-zone"`, ""},
		{"no authorities of a parent", "nl", dns.TypeCAA, ok, "", rootSOA},
		{"no SOA of a parent", "nl", dns.TypeSOA, ok, "", rootSOA},
		{"the root's SOA", ".", dns.TypeSOA, ok, rootSOA, ""},
		{"no authorities of the root", ".", dns.TypeCAA, ok, "", rootSOA},
		{"nothing of the world outside", "www.outside.test", dns.TypeA, none, "", rootSOA},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			got := ask(s, c.name, c.qtype)
			if got.Rcode != c.rcode || short(got.Answer) != c.answer || short(got.Ns) != c.ns {
				t.Errorf("got %s\nanswer %s\nauthority %s", dns.RcodeToString[got.Rcode], short(got.Answer), short(got.Ns))
			}
			if !got.Authoritative || !got.RecursionAvailable {
				t.Error("it must have the answer to everything")
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
		"another operation":        {func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		"no question":              {func(m *dns.Msg) { m.Question = nil }, dns.RcodeFormatError},
		"another class":            {func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		"the whole zone":           {func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused},
		"an EDNS that is not made": {func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }, dns.RcodeBadVers},
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
			t.Errorf("too early: %s", got)
		}
		before := serial(t, s)
		pass(1)
		if got := short(ask(s, "new.example.nl", dns.TypeTXT).Answer); got != `new.example.nl. TXT "v"` {
			t.Errorf("got %s", got)
		}
		if after := serial(t, s); after <= before {
			t.Errorf("the serial went from %d to %d", before, after)
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
	t.Run("with the resolver of Go", func(t *testing.T) {
		t.Parallel()
		resolver := resolverAt(s.DNSAddr())
		got, err := resolver.LookupTXT(t.Context(), "many.example.nl")
		if err != nil || len(got) != 40 {
			t.Errorf("%d texts, %v", len(got), err)
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
