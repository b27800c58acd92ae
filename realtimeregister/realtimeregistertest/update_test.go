package realtimeregistertest

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestUpdate_KeepsEveryByte(t *testing.T) {
	t.Parallel()
	for _, o := range append(EachReading(), Options{StaleReads: time.Minute}, Options{EffectDelay: 5 * time.Second}) {
		if o.SOA == SOAReset {
			continue // omitted fields do harm
		}
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := addZone(StartInMemory(t, o), Zone{Extra: map[string]string{"owner": `{"x": 1.0}`}})
				before := w.call(t, "GET", w.path(), "").body
				if !strings.Contains(before, `"owner":{"x": 1.0}`) {
					t.Errorf("unknown field missing: %s", before)
				}
				records := recordsOf(t, before)
				if o.Names == NamesAsStored && o.Order == OrderKept && !slices.Equal(records, foreignRecords()) {
					t.Errorf("got records %q", records)
				}
				got := w.post(t, append(records, challenge("v"))...)
				if want := map[UpdateReading]int{UpdateOK: 200, UpdateProcess: 200, UpdateAccepted: 202}[o.Update]; got.code != want {
					t.Fatalf("got %d %s", got.code, got.body)
				}
				if (o.Update != UpdateOK) != (got.header.Get("X-Process-Id") != "") {
					t.Errorf("got X-Process-Id %q", got.header.Get("X-Process-Id"))
				}
				time.Sleep(2 * time.Minute)
				if values := w.TXTValues(w.id, testName); !slices.Equal(values, []string{"v"}) {
					t.Errorf("got values %q", values)
				}
				if got := w.post(t, w.read(t)[:0:0]...); got.code/100 != 2 { // an empty list
					t.Fatalf("got %d %s", got.code, got.body)
				}
				time.Sleep(time.Minute)
				if left := w.Records(w.id); len(left) != 0 || w.EmptyUpdates() != 1 {
					t.Errorf("got %q, want no records", left)
				}
				if harms := w.Harms(Preventable); len(harms) != 3 {
					t.Errorf("got harms %v", harms)
				}
				w.Reconfigure(func(o *Options) { o.AllowHarm = true })
			})
		})
	}
}

func TestUpdate_Validation(t *testing.T) {
	t.Parallel()
	old := foreignRecords()
	for _, c := range []struct {
		name     string
		options  Options
		body     string
		code     int
		wantBody string
	}{
		{"records omitted", Options{}, `{}`, 200, ""},
		{"malformed JSON", Options{}, `{"records":[`, 400, "Malformed"},
		{"data after the body", Options{}, `{} {}`, 400, "Malformed"},
		{"null records", Options{}, `{"records":null}`, 400, "records"},
		{"unknown field", Options{}, `{"id":101}`, 400, "id is unknown"},
		{"zone TTL too small", Options{}, `{"ttl":59}`, 400, "ttl"},
		{"hostMaster is a number", Options{}, `{"hostMaster":1}`, 400, "hostMaster"},
		{"empty TXT", Options{}, listBody(append(old, challenge(""))...), 400, `"errors":{"3":{"content"`},
		{"blank TXT is trimmed", Options{}, listBody(append(old, challenge("  "))...), 400, `"errors":{"3":{"content"`},
		{"quoted TXT", Options{}, listBody(append(old, challenge(`"v"`))...), 400, `"errors":{"3":{"content"`},
		{"quoted TXT kept", Options{QuotedTXT: QuotedKept}, listBody(append(old, challenge(`"v"`))...), 200, ""},
		{"long TXT", Options{}, listBody(append(old, challenge(strings.Repeat("x", 766)))...), 200, ""},
		{"MX without prio", Options{}, listBody(append(old, Record("example.nl", "MX", "m.example.nl", 300))...), 400, `"errors":{"3":{"prio"`},
		{"SRV without prio", Options{}, listBody(append(old, Record("_x._tcp.example.nl", "SRV", "0 1 m.example.nl", 300))...), 400, `"errors":{"3":{"prio"`},
		{"MX with prio 0", Options{}, listBody(append(old, PrioRecord("example.nl", "MX", "m.example.nl", 300, 0))...), 200, ""},
		{"apex NS", Options{}, listBody(append(old, Record("example.nl", "NS", "ns1.yoursrs.com", 300))...), 400, `"errors":{"3":{"type"`},
		{"NS of a child", Options{}, listBody(append(old, Record("sub.example.nl", "NS", "ns1.yoursrs.com", 300))...), 200, ""},
		{"TTL 0", Options{}, listBody(append(old, Record("x.example.nl", "A", "192.0.2.1", 0))...), 400, `"errors":{"3":{"ttl"`},
		{"TTL too large", Options{}, listBody(append(old, Record("x.example.nl", "A", "192.0.2.1", maxTTL+1))...), 400, `"errors":{"3":{"ttl"`},
		{"TTL below MinTTL", Options{MinTTL: 301}, listBody(append(old, challenge("v"))...), 400, `"errors":{"0":{"ttl"`},
		{"name outside the zone", Options{}, listBody(append(old, Record("example.com", "A", "192.0.2.1", 300))...), 400, `"errors":{"3":{"name"`},
		{"name with a final dot", Options{}, listBody(append(old, Record("x.example.nl.", "A", "192.0.2.1", 300))...), 400, `"errors":{"3":{"name"`},
		{"duplicates", Options{}, listBody(append(old, challenge("v"), challenge("v"))...), 400, `"conflicts":{"3":[4],"4":[3]}`},
		{"duplicates merged", Options{Duplicates: DuplicatesMerged}, listBody(append(old, challenge("v"), challenge("v"))...), 200, ""},
		{"several values", Options{}, listBody(append(old, challenge("v"), challenge("w"))...), 200, ""},
		{"CNAME beside A", Options{}, listBody(append(old, Record("www.example.nl", "CNAME", "example.nl", 300))...), 400, `"conflicts":{"1":[3],"3":[1]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := addZone(Start(t, c.options), Zone{})
			w.Reconfigure(func(o *Options) { o.AllowHarm = true })
			got := w.call(t, "POST", w.path()+"/update", c.body)
			if got.code != c.code || !strings.Contains(got.body, c.wantBody) {
				t.Errorf("got %d %s", got.code, got.body)
			}
			if c.code == 400 && !slices.Equal(w.Records(w.id), foreignRecords()) {
				t.Error("refused request took effect")
			}
		})
	}
}

func TestUpdate_BlockedByOldRecord(t *testing.T) {
	t.Parallel()
	w := addZone(Start(t, Options{}), Zone{Records: []string{Record("example.nl", "MX", "mail.example.nl", 300)}})
	got := w.post(t, append(w.read(t), challenge("v"))...)
	if got.code != 400 || !strings.Contains(got.body, `"type":"DnsConfigurationException"`) || !strings.Contains(got.body, `"errors":{"0":{"prio"`) {
		t.Errorf("got %d %s", got.code, got.body)
	}
}

func TestUpdate_SpecialZones(t *testing.T) {
	t.Parallel()
	linked := Zone{Template: "hosting", TemplateRecords: []string{Record("t.example.nl", "A", "192.0.2.9", 300)}}
	secondary := Zone{Master: "192.0.2.53"}
	deleted := Zone{DeletionDate: "2026-12-01T00:00:00Z"}
	for _, c := range []struct {
		name    string
		options Options
		zone    Zone
		shown   int
		code    int
		written bool
		field   string
		after   string
	}{
		{"linked zone, refused", Options{}, linked, 3, 400, false, "template", `"hosting"`},
		{"linked zone, template shown", Options{ShowTemplate: true}, linked, 4, 400, false, "template", `"hosting"`},
		{"linked zone, accepted", Options{Linked: PostAccepted}, linked, 3, 200, true, "template", `"hosting"`},
		{"linked zone, ignored", Options{Linked: PostIgnored}, linked, 3, 200, false, "template", `"hosting"`},
		{"secondary zone, refused", Options{}, secondary, 3, 400, false, "master", `"192.0.2.53"`},
		{"secondary zone, accepted", Options{Secondary: PostAccepted}, secondary, 3, 200, true, "master", `"192.0.2.53"`},
		{"secondary zone, ignored", Options{Secondary: PostIgnored}, secondary, 3, 200, false, "master", `"192.0.2.53"`},
		{"pending deletion, restored", Options{}, deleted, 3, 200, true, "deletionDate", ""},
		{"pending deletion, stays", Options{Deletion: DeletionStays}, deleted, 3, 200, true, "deletionDate", `"2026-12-01T00:00:00Z"`},
		{"pending deletion, refused", Options{Deletion: DeletionRefuses}, deleted, 3, 400, false, "deletionDate", `"2026-12-01T00:00:00Z"`},
		{"SOA kept", Options{}, Zone{TTL: 7200}, 3, 200, true, "ttl", "7200"},
		{"SOA reset", Options{SOA: SOAReset}, Zone{TTL: 7200}, 3, 200, true, "ttl", "3600"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := addZone(Start(t, c.options), c.zone)
			w.Reconfigure(func(o *Options) { o.AllowHarm = true })
			before := w.Setting(w.id, c.field)
			if got := w.read(t); len(got) != c.shown {
				t.Errorf("got %q", got)
			}
			if got := w.post(t, append(foreignRecords(), challenge("v"))...); got.code != c.code {
				t.Errorf("got %d %s", got.code, got.body)
			}
			if written := len(w.TXTValues(w.id, testName)) == 1; written != c.written {
				t.Errorf("record written: got %v", written)
			}
			if got := w.Setting(w.id, c.field); got != c.after {
				t.Errorf("%s: got %s", c.field, got)
			}
			if changed := len(w.Harms(Preventable)) == 1; changed != (before != c.after) {
				t.Errorf("got harms %v", w.Harms(Preventable))
			}
		})
	}
}
