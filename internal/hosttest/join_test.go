package hosttest

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// One DNS server answers for the zones of two hosts, and follows a CNAME from one to the other.
func TestJoin(t *testing.T) {
	t.Parallel()
	other := zones{
		"example.nl": {Domain: "example.nl", Serial: 9},
		"voorbeeld.nl": {Domain: "voorbeeld.nl", Serial: 1, Records: RecordsOf([]dns.RR{
			NewRR("there.voorbeeld.nl", "CNAME", "x.y.example.nl", 60),
		})},
	}
	l := NewListener()
	both := Join(testZones(), other)
	if err := l.ListenDNS("127.0.0.1:0", func(query *dns.Msg) *dns.Msg { return Answer(both, query) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		found int
	}{
		{"there.voorbeeld.nl.", dns.TypeTXT, dns.RcodeSuccess, 2},
		{"nothing.voorbeeld.nl.", dns.TypeTXT, dns.RcodeNameError, 0},
		{"nl.", dns.TypeSOA, dns.RcodeSuccess, 0},
		{"org.", dns.TypeSOA, dns.RcodeNameError, 0},
	} {
		client := dns.Client{Net: "tcp"}
		got, _, err := client.ExchangeContext(ctx, new(dns.Msg).SetQuestion(c.name, c.qtype), l.DNSAddr())
		if err != nil {
			t.Fatal(err)
		}
		if got.Rcode != c.rcode || len(got.Answer) != c.found {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	if z, _ := both.ZoneOf("example.nl"); z.Serial != 7 {
		t.Errorf("got serial %d, want 7", z.Serial)
	}
}
