package realtimeregistertest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func TestDNS(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 766)
	w := addZone(Start(t, Options{}), Zone{Records: []string{
		PrioRecord("example.nl", "MX", "mail.example.nl", 300, 10),
		PrioRecord("_sip._tcp.example.nl", "SRV", "5 5060 sip.example.nl", 300, 1),
		Record("long.example.nl", "TXT", long, 300),
		Record("*.wild.example.nl", "A", "192.0.2.2", 300),
		Record(testName, "TXT", "one", 300),
		Record(testName, "TXT", `t"wo`, 300),
	}})
	w.AddZone("reseller", Zone{Name: "example.nl", Service: "PREMIUM", Undelegated: true})
	w.AddStaticZone("other.example", Record("_acme-challenge.other.example", "CNAME", testName, 60))
	w.AddZone("reseller", Zone{
		Name: "linked.nl", Template: "hosting", TemplateRecords: []string{Record("linked.nl", "A", "192.0.2.3", 300)},
	})
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		want  []string
	}{
		{"example.nl.", dns.TypeMX, 0, []string{"10 mail.example.nl."}},
		{"example.nl.", dns.TypeNS, 0, []string{"ns1.yoursrs.com.", "ns2.yoursrs.com."}},
		{"example.nl.", dns.TypeSOA, 0, []string{"ns1.yoursrs.com. hostmaster.example.nl. 2026010101"}},
		{"_sip._tcp.example.nl.", dns.TypeSRV, 0, []string{"1 5 5060 sip.example.nl."}},
		{"linked.nl.", dns.TypeA, 0, []string{"192.0.2.3"}},
		{"a.wild.example.nl.", dns.TypeA, 0, []string{"192.0.2.2"}},
		{"_ACME-challenge.example.nl.", dns.TypeTXT, 0, []string{`"one"`, `"t\"wo"`}},
		{"_acme-challenge.other.example.", dns.TypeTXT, 0, []string{"CNAME", `"one"`, `"t\"wo"`}},
		{"long.example.nl.", dns.TypeTXT, 0, []string{strings.Repeat("x", 255) + `" "`}},
		{"none.example.nl.", dns.TypeTXT, dns.RcodeNameError, nil},
		{"example.nl.", dns.TypeTXT, 0, nil},
		{"elsewhere.org.", dns.TypeA, dns.RcodeNameError, nil},
		{"nl.", dns.TypeSOA, 0, nil},
	} {
		m := new(dns.Msg).SetQuestion(c.name, c.qtype)
		got, _, err := (&dns.Client{Net: "tcp"}).ExchangeContext(t.Context(), m, w.DNSAddr())
		if err != nil {
			t.Fatal(err)
		}
		if got.Rcode != c.rcode || len(got.Answer) != len(c.want) {
			t.Errorf("%s: got %v", c.name, got)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(strings.ReplaceAll(got.Answer[i].String(), "\t", " "), want) {
				t.Errorf("%s: got %v, want %s", c.name, got.Answer[i], want)
			}
		}
	}
}

func TestDNS_Lag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := addZone(StartInMemory(t, Options{DNSLag: time.Minute}), Zone{})
		w.post(t, append(w.read(t), challenge("v"))...)
		count := func() int { return len(w.Answer(new(dns.Msg).SetQuestion(testName+".", dns.TypeTXT)).Answer) }
		if count() != 0 {
			t.Error("before the lag: value served")
		}
		time.Sleep(time.Minute)
		if count() != 1 {
			t.Error("after the lag: value not served")
		}
	})
}
