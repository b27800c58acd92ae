package hosttest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

type zones map[string]Zone

func (z zones) ZoneOf(domain string) (Zone, bool) {
	one, found := z[domain]
	return one, found
}

func (z zones) HostsBelow(name string) bool { return name == "" || name == "nl" }

func testZones() zones {
	return zones{"example.nl": {
		Domain: "example.nl", Serial: 7, Nameservers: []string{"ns1.example.nl"},
		Records: RecordsOf([]dns.RR{
			NewRR("ns1.example.nl", "A", "192.0.2.1", 60),
			NewRR("a.example.nl", "CNAME", "b.example.nl", 60),
			NewRR("b.example.nl", "CNAME", "a.example.nl", 60),
			NewTXT("x.y.example.nl", `a "b" \ `+strings.Repeat("c", 300), 60),
		}),
	}}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		found int
		extra int
	}{
		{"example.nl.", dns.TypeNS, dns.RcodeSuccess, 1, 1},
		{"a.example.nl.", dns.TypeA, dns.RcodeServerFailure, 8, 0},
		{"y.example.nl.", dns.TypeTXT, dns.RcodeSuccess, 0, 0},
		{"X.y.example.nl.", dns.TypeTXT, dns.RcodeSuccess, 1, 0},
		{"z.example.nl.", dns.TypeTXT, dns.RcodeNameError, 0, 0},
		{"nl.", dns.TypeSOA, dns.RcodeSuccess, 0, 0},
		{"org.", dns.TypeSOA, dns.RcodeNameError, 0, 0},
		{"example.nl.", dns.TypeAXFR, dns.RcodeRefused, 0, 0},
	} {
		got := Answer(testZones(), new(dns.Msg).SetQuestion(c.name, c.qtype))
		if got.Rcode != c.rcode || len(got.Answer) != c.found || len(got.Extra) != c.extra {
			t.Errorf("%s: got %v", c.name, got)
		}
		if _, err := got.Pack(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNewRR_Invalid(t *testing.T) {
	t.Parallel()
	for _, value := range [][2]string{{"ALIAS", "x"}, {"A", "nonsense"}, {"A", "192.0.2.1\nx"}, {"MX", ""}} {
		if rr := NewRR("x.example.nl", value[0], value[1], 60); rr != nil {
			t.Errorf("got %v", rr)
		}
	}
}

func TestVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := NewListener()
		l.ListenInMemory("host.test", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l.Pause(r, time.Hour)
			_, _ = io.WriteString(w, r.Host)
		}))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.Origin(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		response, err := l.HTTPTransport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != "host.test" || time.Since(start) != time.Hour {
			t.Errorf("got %s after %s", body, time.Since(start))
		}
		l.Close()
		if late, err := l.HTTPTransport().RoundTrip(r); err == nil {
			_ = late.Body.Close()
			t.Error("closed server still answers")
		}
	})
}
