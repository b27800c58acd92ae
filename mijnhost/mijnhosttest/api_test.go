package mijnhosttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestAPI_KeyRequired(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	s.AddAccount("revoked", testDomain)
	s.RevokeKey("revoked")
	for _, key := range []string{"", "wrong", "revoked"} {
		for _, path := range []string{"/domains", "/domains/example.nl", "/domains/example.nl/dns", "/nowhere"} {
			r := newRequest("GET", BasePath+path, "")
			r.Header.Set("API-Key", key)
			got := serveRequest(s, r)
			if p := got.parsed(t); got.code != 401 || p.Description != "No valid API key set" || p.Status != 401.0 {
				t.Errorf("GET %s with the key %q: %d %s", path, key, got.code, got.body)
			}
		}
	}
}

func TestAPI_Refusals(t *testing.T) {
	t.Parallel()
	good := recordBody(txt("x.example.nl.", "v"))
	for _, c := range []struct {
		claim, method, path, body string
		code                      int
		words                     string
	}{
		{"an unknown domain is 400, not 404", "GET", "/domains/other.nl/dns", "", 400, sayNoAccess},
		{"an unknown domain has no details", "GET", "/domains/other.nl", "", 400, sayNoAccess},
		{"a name below a domain is 400", "GET", "/domains/www.example.nl/dns", "", 400, sayNoAccess},
		{"a domain with a trailing dot is none", "GET", "/domains/example.nl./dns", "", 400, sayNoAccess},
		{"the domain of another account is 400", "PATCH", "/domains/theirs.nl/dns", good, 400, sayNoAccess},
		{"an escaped slash stays in the name", "GET", "/domains/example.nl%2Fdns", "", 400, sayNoAccess},
		{"a domain with its DNS elsewhere is 400", "GET", "/domains/elsewhere.nl/dns", "", 400, sayDNSElsewhere},
		{"nothing can be written elsewhere", "PATCH", "/domains/elsewhere.nl/dns", good, 400, sayDNSElsewhere},
		{"an unknown path is 404", "GET", "/zones", "", 404, sayNotFound},
		{"an unknown path below a domain is 404", "GET", "/domains/example.nl/mail", "", 404, sayNotFound},
		{"a final slash after a domain is 404", "GET", "/domains/example.nl/", "", 404, sayNotFound},
		{"an empty domain is 404", "GET", "/domains//dns", "", 404, sayNotFound},
		{"an unknown method is 400", "POST", "/domains/example.nl/dns", good, 400, sayWrongMethod},
		{"domains cannot be deleted", "DELETE", "/domains/example.nl", "", 400, sayWrongMethod},
		{"a body is needed", "PATCH", "/domains/example.nl/dns", "{}", 400, sayMalformed},
		{"a body must be JSON", "PATCH", "/domains/example.nl/dns", "record=x", 400, sayMalformed},
		{"nothing may follow the body", "PATCH", "/domains/example.nl/dns", good + good, 400, sayMalformed},
		{"unknown fields are malformed", "PATCH", "/domains/example.nl/dns", `{"records":[]}`, 400, sayMalformed},
		{"a TTL must be a number", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", `"60"`, 1), 400, sayMalformed},
		{"a TTL must be whole", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "60.5", 1), 400, sayMalformed},
		{"a TTL is needed to write", "PATCH", "/domains/example.nl/dns", strings.Replace(good, `,"ttl":60`, "", 1), 400, sayMalformed},
		{"a TTL of 0 is refused", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "0", 1), 400, "ttl must be at least 1"},
		{"a TTL over 31 bits is refused", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "2147483648", 1), 400, "2147483647"},
		{"an unknown type is refused", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "TXT", "SPAM", 1), 400, "SPAM"},
		{"an SOA cannot be written", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "TXT", "SOA", 1), 400, "SOA"},
		{"the zone's NS cannot be written", "PATCH", "/domains/example.nl/dns", recordBody(Record{"NS", "example.nl.", "ns.x.", 60}), 400, "nameservers"},
		{"a name outside is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt("x.other.nl.", "v")), 400, "not within"},
		{"a name that merely ends alike is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt("xexample.nl.", "v")), 400, "not within"},
		{"an empty label is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt("x..example.nl.", "v")), 400, "not valid"},
		{"a space in a name is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt("x y.example.nl.", "v")), 400, "not valid"},
		{"a long label is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt(strings.Repeat("x", 64)+".example.nl.", "v")), 400, "not valid"},
		{"a long name is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt(strings.Repeat("x.", 130)+"example.nl.", "v")), 400, "too long"},
		{"an empty value is refused", "PATCH", "/domains/example.nl/dns", recordBody(txt("x.example.nl.", "")), 400, "value"},
		{"an empty whole zone is refused", "PUT", "/domains/example.nl/dns", `{"records":[]}`, 400, sayEmptyList},
		{"a whole zone with a bad record is refused", "PUT", "/domains/example.nl/dns", `{"records":[{"type":"A"}]}`, 400, sayMalformed},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			kept := txt("kept.example.nl.", "v")
			s := newTestServer(t, Options{}, kept)
			s.AddAccount("another key", "theirs.nl")
			s.AddDomain(testKey, "elsewhere.nl")
			s.SetDNSElsewhere("elsewhere.nl")
			got := serve(s, c.method, c.path, c.body)
			p := got.parsed(t)
			if got.code != c.code || !strings.Contains(p.Description, c.words) || p.Status != float64(c.code) {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), kept)
		})
	}
}

// TestAPI_AnyContentType: the host's own plugin sends none (O).
func TestAPI_AnyContentType(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	for _, contentType := range []string{"", "text/plain", "application/json", "application/json; charset=utf-8"} {
		r := newRequest("PATCH", BasePath+"/domains/example.nl/dns", recordBody(txt("x.example.nl.", "v")))
		r.Header.Set("Content-Type", contentType)
		if got := serveRequest(s, r); got.code != 200 {
			t.Errorf("Content-Type %q: %d", contentType, got.code)
		}
	}
}

func TestListDomains_FinalSlash(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	if with, without := serve(s, "GET", "/domains/", ""), serve(s, "GET", "/domains", ""); with.code != 200 || with.body != without.body {
		t.Errorf("got %d %s", with.code, with.body)
	}
}

func TestListDomains_DocumentedFields(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	s.AddDomain(testKey, "Second.NL")
	got := serve(s, "GET", "/domains", "")
	var data struct{ Domains []map[string]any }
	if err := json.Unmarshal(got.parsed(t).Data, &data); err != nil || got.code != 200 || len(data.Domains) != 2 {
		t.Fatalf("%d %s: %v", got.code, got.body, err)
	}
	for _, field := range []string{"id", "domain", "renewal_date", "status", "status_id", "tags"} {
		if _, found := data.Domains[1][field]; !found {
			t.Errorf("no field %s", field)
		}
	}
	if data.Domains[0]["domain"] != "example.nl" || data.Domains[1]["domain"] != "second.nl" {
		t.Errorf("domains: %v", data.Domains)
	}
}

func TestShowDomain_ManagedDNS(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	s.AddDomain(testKey, "elsewhere.nl")
	s.SetDNSElsewhere("elsewhere.nl")
	for domain, managed := range map[string]bool{testDomain: true, "elsewhere.nl": false} {
		got := serve(s, "GET", "/domains/"+domain, "")
		var data map[string]any
		if err := json.Unmarshal(got.parsed(t).Data, &data); err != nil {
			t.Fatal(err)
		}
		nameservers, _ := data["nameservers"].([]any)
		if data["managed_dns"] != managed || data["dnssec_enabled"] != false || len(nameservers) != 2 {
			t.Errorf("%s: %v", domain, data)
		}
	}
	s.Reconfigure(func(o *Options) { o.OmitManagedDNS = true })
	if got := serve(s, "GET", "/domains/elsewhere.nl", ""); got.code != 200 || strings.Contains(got.body, "managed_dns") {
		t.Errorf("without managed_dns: %d %s", got.code, got.body)
	}
}

func TestRemoveDomain_EveryKey(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{}, txt("x", "v"))
	s.AddAccount("second key", testDomain)
	s.RemoveDomain("EXAMPLE.nl.")
	for _, key := range []string{testKey, "second key"} {
		r := newRequest("GET", BasePath+"/domains/example.nl/dns", "")
		r.Header.Set("API-Key", key)
		if got := serveRequest(s, r); got.code != 400 {
			t.Errorf("with the key %q: %d", key, got.code)
		}
	}
	wantRecords(t, s.Records(testDomain), txt("x", "v"))
	s.AddDomain(testKey, testDomain)
	wantRecords(t, read(t, s), txt("x.example.nl.", "v"))
}

func TestReadRecords_HidesOwnNSAndSOA(t *testing.T) {
	t.Parallel()
	soa := Record{"SOA", "@", "ns1.mijn.host. x. 1 2 3 4 5", 60}
	ns := Record{"NS", "example.nl", "ns1.mijn.host.", 60}
	child := Record{"NS", "child.example.nl.", "ns1.child.example.nl.", 60}
	s := newTestServer(t, Options{TestSendsPUT: true}, soa, ns, child)
	wantRecords(t, read(t, s), child)
	if got := remove(s, ns); got.code != 400 {
		t.Errorf("the zone's own NS was deleted: %d", got.code)
	}
	serve(s, "PUT", "/domains/example.nl/dns", `{"records":[{"type":"TXT","name":"x","value":"v","ttl":60}]}`)
	wantRecords(t, s.Records(testDomain), soa, ns, txt("x", "v"))
}

func TestPUT_ReplacesZone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{TestSendsPUT: true}, txt("a", "1"), txt("b", "2"))
	got := serve(s, "PUT", "/domains/example.nl/dns", `{"records":[{"type":"TXT","name":"b","value":"2","ttl":60}]}`)
	if got.code != 200 {
		t.Errorf("got %d", got.code)
	}
	wantRecords(t, s.Records(testDomain), txt("b", "2"))
	if s.PUTs() != 1 {
		t.Errorf("%d PUTs were counted", s.PUTs())
	}
}

func TestRecords_ByteForByte(t *testing.T) {
	t.Parallel()
	records := []Record{
		{"TXT", "Quoted.Example.NL", `"a\"b" "c"`, 0},
		{"txt", "@", "", -1},
		{"SPAM", "ex ample", "één\x00<&>\u2028", 1 << 40},
		{"A", "x.other.nl.", "not an address", 1},
	}
	s := newTestServer(t, Options{}, records...)
	wanted := txt("_acme-challenge.example.nl.", "v")
	patch(s, wanted)
	read(t, s)
	wantRecords(t, s.Records(testDomain), append(slices.Clone(records), wanted)...)
	remove(s, wanted)
	wantRecords(t, s.Records(testDomain), records...)
}

func TestDELETE_KeepsSiblings(t *testing.T) {
	t.Parallel()
	for _, sent := range []Record{
		txt("x.example.nl.", "2"),
		txt("X.EXAMPLE.NL.", "2"),
		txt("x.example.nl", "2"),
		txt("x", "2"),
		txt("x.example.nl.", `"2"`),
		{"txt", "x.example.nl.", "2", 0},
	} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			t.Parallel()
			others := []Record{txt("x.example.nl.", "1"), txt("X", "3"), {"A", "x", "2", 60}, txt("y", "2")}
			s := newTestServer(t, Options{}, slices.Insert(slices.Clone(others), 1, txt("x", "2"))...)
			if got := remove(s, sent); got.code != 200 {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), others...)
		})
	}
}

func TestForeignWriters(t *testing.T) {
	t.Parallel()
	var changes []Change
	s := newTestServer(t, Options{Observe: func(c Change) { changes = append(changes, c) }})
	s.AddRecord(testDomain, txt("x", "1"))
	patch(s, txt("x.example.nl.", "2"))
	if !s.DeleteRecord(testDomain, txt("x.example.nl.", "1")) || s.DeleteRecord(testDomain, txt("x", "1")) {
		t.Error("a record can be deleted once")
	}
	wantRecords(t, s.Records(testDomain), txt("x.example.nl.", "2"))
	var seen []string
	for _, c := range changes {
		seen = append(seen, fmt.Sprintf("%s %s %v by API %v", c.Domain, c.Record.Value, c.Appeared, c.ByAPI))
	}
	want := []string{
		"example.nl 1 true by API false", "example.nl 2 true by API true", "example.nl 1 false by API false",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("changes %q", seen)
	}
}

func TestAPI_JSON(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	got := serve(s, "GET", "/domains", "")
	if got.header.Get("Content-Type") != "application/json" || got.code != http.StatusOK {
		t.Errorf("%d %v", got.code, got.header)
	}
}
