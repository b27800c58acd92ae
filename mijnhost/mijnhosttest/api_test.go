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
				t.Errorf("GET %s with key %q: got %d %s", path, key, got.code, got.body)
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
		{"unknown domain is 400, not 404", "GET", "/domains/other.nl/dns", "", 400, messageNoAccess},
		{"details of unknown domain", "GET", "/domains/other.nl", "", 400, messageNoAccess},
		{"name below a domain", "GET", "/domains/www.example.nl/dns", "", 400, messageNoAccess},
		{"domain with trailing dot", "GET", "/domains/example.nl./dns", "", 400, messageNoAccess},
		{"domain of another account", "PATCH", "/domains/theirs.nl/dns", good, 400, messageNoAccess},
		{"escaped slash", "GET", "/domains/example.nl%2Fdns", "", 400, messageNoAccess},
		{"read with DNS elsewhere", "GET", "/domains/elsewhere.nl/dns", "", 400, messageDNSElsewhere},
		{"write with DNS elsewhere", "PATCH", "/domains/elsewhere.nl/dns", good, 400, messageDNSElsewhere},
		{"unknown path", "GET", "/zones", "", 404, messageNotFound},
		{"unknown path below a domain", "GET", "/domains/example.nl/mail", "", 404, messageNotFound},
		{"final slash after a domain", "GET", "/domains/example.nl/", "", 404, messageNotFound},
		{"empty domain", "GET", "/domains//dns", "", 404, messageNotFound},
		{"unknown method", "POST", "/domains/example.nl/dns", good, 400, messageWrongMethod},
		{"DELETE of a domain", "DELETE", "/domains/example.nl", "", 400, messageWrongMethod},
		{"empty body", "PATCH", "/domains/example.nl/dns", "{}", 400, messageMalformed},
		{"body is not JSON", "PATCH", "/domains/example.nl/dns", "record=x", 400, messageMalformed},
		{"data after the body", "PATCH", "/domains/example.nl/dns", good + good, 400, messageMalformed},
		{"unknown field", "PATCH", "/domains/example.nl/dns", `{"records":[]}`, 400, messageMalformed},
		{"TTL is a string", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", `"60"`, 1), 400, messageMalformed},
		{"TTL is a fraction", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "60.5", 1), 400, messageMalformed},
		{"TTL missing", "PATCH", "/domains/example.nl/dns", strings.Replace(good, `,"ttl":60`, "", 1), 400, messageMalformed},
		{"TTL 0", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "0", 1), 400, "ttl must be at least 1"},
		{"TTL over 31 bits", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "60", "2147483648", 1), 400, "2147483647"},
		{"unknown type", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "TXT", "SPAM", 1), 400, "SPAM"},
		{"SOA", "PATCH", "/domains/example.nl/dns", strings.Replace(good, "TXT", "SOA", 1), 400, "SOA"},
		{"zone's own NS", "PATCH", "/domains/example.nl/dns", recordBody(Record{"NS", "example.nl.", "ns.x.", 60}), 400, "nameservers"},
		{"name outside the domain", "PATCH", "/domains/example.nl/dns", recordBody(txt("x.other.nl.", "v")), 400, "not within"},
		{"name with the domain as suffix only", "PATCH", "/domains/example.nl/dns", recordBody(txt("xexample.nl.", "v")), 400, "not within"},
		{"empty label", "PATCH", "/domains/example.nl/dns", recordBody(txt("x..example.nl.", "v")), 400, "not valid"},
		{"space in name", "PATCH", "/domains/example.nl/dns", recordBody(txt("x y.example.nl.", "v")), 400, "not valid"},
		{"label too long", "PATCH", "/domains/example.nl/dns", recordBody(txt(strings.Repeat("x", 64)+".example.nl.", "v")), 400, "not valid"},
		{"name too long", "PATCH", "/domains/example.nl/dns", recordBody(txt(strings.Repeat("x.", 130)+"example.nl.", "v")), 400, "too long"},
		{"empty value", "PATCH", "/domains/example.nl/dns", recordBody(txt("x.example.nl.", "")), 400, "value"},
		{"PUT of an empty zone", "PUT", "/domains/example.nl/dns", `{"records":[]}`, 400, messageEmptyList},
		{"PUT with an invalid record", "PUT", "/domains/example.nl/dns", `{"records":[{"type":"A"}]}`, 400, messageMalformed},
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

// mijn.host's own plugin sends none. (O)
func TestAPI_AnyContentType(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	for _, contentType := range []string{"", "text/plain", "application/json", "application/json; charset=utf-8"} {
		r := newRequest("PATCH", BasePath+"/domains/example.nl/dns", recordBody(txt("x.example.nl.", "v")))
		r.Header.Set("Content-Type", contentType)
		if got := serveRequest(s, r); got.code != 200 {
			t.Errorf("Content-Type %q: got %d", contentType, got.code)
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
			t.Errorf("field %s missing", field)
		}
	}
	if data.Domains[0]["domain"] != "example.nl" || data.Domains[1]["domain"] != "second.nl" {
		t.Errorf("got domains %v", data.Domains)
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
		t.Errorf("with OmitManagedDNS: got %d %s", got.code, got.body)
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
			t.Errorf("key %q: got %d", key, got.code)
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
	s := newTestServer(t, Options{AllowPUT: true}, soa, ns, child)
	wantRecords(t, read(t, s), child)
	if got := remove(s, ns); got.code != 400 {
		t.Errorf("DELETE of the zone's own NS: got %d", got.code)
	}
	serve(s, "PUT", "/domains/example.nl/dns", `{"records":[{"type":"TXT","name":"x","value":"v","ttl":60}]}`)
	wantRecords(t, s.Records(testDomain), soa, ns, txt("x", "v"))
}

func TestPUT_ReplacesZone(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{AllowPUT: true}, txt("a", "1"), txt("b", "2"))
	got := serve(s, "PUT", "/domains/example.nl/dns", `{"records":[{"type":"TXT","name":"b","value":"2","ttl":60}]}`)
	if got.code != 200 {
		t.Errorf("got %d", got.code)
	}
	wantRecords(t, s.Records(testDomain), txt("b", "2"))
	if s.PUTs() != 1 {
		t.Errorf("got %d PUTs, want 1", s.PUTs())
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
		t.Error("want true for the first DeleteRecord and false for the second")
	}
	wantRecords(t, s.Records(testDomain), txt("x.example.nl.", "2"))
	var seen []string
	for _, c := range changes {
		seen = append(seen, fmt.Sprintf("%s %s %v by API %v", c.Domain, c.Record.Value, c.Added, c.ByAPI))
	}
	want := []string{
		"example.nl 1 true by API false", "example.nl 2 true by API true", "example.nl 1 false by API false",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got changes %q", seen)
	}
}

func TestAPI_JSON(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	got := serve(s, "GET", "/domains", "")
	if got.header.Get("Content-Type") != "application/json" || got.code != http.StatusOK {
		t.Errorf("got %d %v", got.code, got.header)
	}
}
