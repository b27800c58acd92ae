package check_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
)

func TestParse_RecordTypes(t *testing.T) {
	t.Parallel()
	query := check.Query{Name: "www.example.nl", Type: dns.TypeA, Recursive: true}
	a, err := checktest.OnTheWire(query, func(m *dns.Msg) *dns.Msg {
		if !m.RecursionDesired || m.IsEdns0() == nil || m.IsEdns0().UDPSize() != 1232 {
			t.Errorf("got query %v, want recursion and EDNS", m)
		}
		r := new(dns.Msg).SetReply(m)
		r.Question[0].Name = "wWw.eXample.nl." // resolvers may randomize the case
		r.Compress = true
		r.SetEdns0(1232, false)
		for _, text := range []string{
			"WWW.example.nl. 60 CNAME Other.example.nl.", "other.example.nl. 60 A 192.0.2.1", "other.example.nl. 60 AAAA 2001:db8::1", "other.example.nl. 60 AAAA ::ffff:192.0.2.3",
			`other.example.nl. 60 TXT "one \"" "\\two"`, `other.example.nl. 60 CAA 128 Issue "ca.test; a=b"`, "other.example.nl. 60 MX 10 mail.test.",
			"other.example.nl. 60 CH A 192.0.2.2", `other.example.nl. 60 CNAME \027[31m\@.test.`,
		} {
			r.Answer = append(r.Answer, rr(t, text))
		}
		r.Ns = append(r.Ns, rr(t, "example.nl. 60 NS NS1.test."), rr(t, `example.nl. 60 SOA ns1.test. first\.last.test. 1 2 3 4 100`))
		return r
	})
	if err != nil {
		t.Fatal(err)
	}
	const other = "other.example.nl"
	want := &check.Answer{
		Answers: []check.Record{
			{Name: "www.example.nl", Type: dns.TypeCNAME, Target: other},
			{Name: other, Type: dns.TypeA, Address: netip.MustParseAddr("192.0.2.1")},
			{Name: other, Type: dns.TypeAAAA, Address: netip.MustParseAddr("2001:db8::1")},
			{Name: other, Type: dns.TypeAAAA, Address: netip.MustParseAddr("192.0.2.3")},
			{Name: other, Type: dns.TypeTXT, Text: `one "\two`},
			{Name: other, Type: dns.TypeCAA, CAA: check.CAA{Flags: 128, Tag: "Issue", Value: "ca.test; a=b"}},
			{Name: other, Type: dns.TypeMX},
			{Name: other, Type: dns.TypeCNAME, Target: `\027[31m@.test`},
		},
		Authority: []check.Record{
			{Name: "example.nl", Type: dns.TypeNS, Target: "ns1.test"},
			{Name: "example.nl", Type: dns.TypeSOA, Serial: 1, Minimum: 60},
		},
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}
}

func TestParse_NamesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "nl", "_acme-challenge.example.nl", `\027\092\032.test`} {
		if _, err := checktest.OnTheWire(check.Query{Name: name, Type: dns.TypeNS}, new(dns.Msg).SetReply); err != nil {
			t.Errorf("%q: got error %v", name, err)
		}
	}
	for _, name := range []string{"a..b", strings.Repeat("a", 64), strings.Repeat("a.", 140)} {
		if _, err := (check.Query{Name: name}).Pack(1); err == nil {
			t.Errorf("%q: got no error", name)
		}
	}
}

func TestParse_RCODE(t *testing.T) {
	t.Parallel()
	for _, rcode := range []int{dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeBadVers, dns.RcodeBadCookie} {
		a, err := checktest.OnTheWire(check.Query{Name: "example.nl", Type: dns.TypeA}, func(m *dns.Msg) *dns.Msg {
			r := new(dns.Msg).SetReply(m).SetEdns0(1232, false)
			r.Rcode = rcode
			return r
		})
		if err != nil || a.RCode != rcode {
			t.Errorf("RCODE %d: got %+v, %v", rcode, a, err)
		}
	}
}

func TestParse_UnrelatedAnswer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*dns.Msg){
		"another ID":    func(m *dns.Msg) { m.Id++ },
		"a query":       func(m *dns.Msg) { m.Response = false },
		"another name":  func(m *dns.Msg) { m.Question[0].Name = "example.com." },
		"another type":  func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"another class": func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"no question":   func(m *dns.Msg) { m.Question = nil },
		"two questions": func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
	} {
		a, err := checktest.OnTheWire(check.Query{Name: "example.nl", Type: dns.TypeA}, func(m *dns.Msg) *dns.Msg {
			r := new(dns.Msg).SetReply(m)
			change(r)
			return r
		})
		if err == nil {
			t.Errorf("%s: got %+v, want an error", name, a)
		}
	}
	a, err := checktest.OnTheWire(check.Query{Name: "example.nl", Type: dns.TypeA}, func(m *dns.Msg) *dns.Msg {
		return &dns.Msg{MsgHdr: dns.MsgHdr{Id: m.Id, Response: true, Rcode: dns.RcodeRefused}}
	})
	if err != nil || a.RCode != dns.RcodeRefused {
		t.Errorf("REFUSED without the question: got %+v, %v", a, err)
	}
}

func TestParse_MalformedRecord(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]*dns.RFC3597{
		"CAA of no bytes":         unknown(257, ""),
		"CAA of one byte":         unknown(257, "00"),
		"CAA without a tag":       unknown(257, "000061"),
		"CAA tag past the end":    unknown(257, "00036161"),
		"A of three bytes":        unknown(dns.TypeA, "c00002"),
		"A of sixteen bytes":      unknown(dns.TypeA, strings.Repeat("00", 16)),
		"AAAA of four bytes":      unknown(dns.TypeAAAA, "c0000201"),
		"TXT string past the end": unknown(dns.TypeTXT, "0561"),
		"CNAME pointer to itself": unknown(dns.TypeCNAME, "c032"),
	} {
		a, err := checktest.OnTheWire(check.Query{Name: "example.nl", Type: dns.TypeA}, func(m *dns.Msg) *dns.Msg {
			r := new(dns.Msg).SetReply(m)
			r.Answer = []dns.RR{record}
			return r
		})
		if err == nil || !strings.Contains(err.Error(), "malformed answer") {
			t.Errorf("%s: got %+v, %v, want a malformed answer", name, a, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	const id = 7
	query := check.Query{Name: "example.nl", Type: dns.TypeCAA}
	for _, text := range []string{`CAA 0 issue "ca.test"`, "CNAME a.test.", `TXT "a" "b"`, "A 192.0.2.1", "AAAA 2001:db8::1", "NS a.test.", "SOA a. b. 1 2 3 4 5"} {
		m := new(dns.Msg).SetQuestion("example.nl.", dns.TypeCAA)
		m.Id, m.Response = id, true
		m.Answer = []dns.RR{rr(f, "example.nl. 60 "+text)}
		m.Ns = m.Answer
		m.SetEdns0(1232, false)
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		a, err := query.Parse(id, message)
		if err != nil {
			return
		}
		for _, r := range slices.Concat(a.Answers, a.Authority) {
			for _, name := range []string{r.Name, r.Target} {
				if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
					t.Errorf("%q contains unprintable characters", name)
				}
				if _, err := (check.Query{Name: name}).Pack(id); err != nil {
					t.Errorf("cannot query %q: %v", name, err)
				}
			}
			if r.Type == dns.TypeCAA && r.CAA.Tag == "" {
				t.Error("got a CAA record without a tag")
			}
		}
	})
}

// Only queries to a resolver ask for recursion and control validation.
func TestQuery_Flags(t *testing.T) {
	t.Parallel()
	for query, want := range map[check.Query]dns.MsgHdr{
		{}:                                 {},
		{Recursive: true}:                  {RecursionDesired: true, AuthenticatedData: true},
		{Recursive: true, Unchecked: true}: {RecursionDesired: true, CheckingDisabled: true},
	} {
		query.Name, query.Type, want.Id = "example.nl", dns.TypeA, 7
		wire, err := query.Pack(7)
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(wire); err != nil || m.MsgHdr != want {
			t.Errorf("%+v: got %+v, %v, want %+v", query, m.MsgHdr, err, want)
		}
	}
}
