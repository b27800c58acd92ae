package mijnhosttest

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPATCH_Sibling(t *testing.T) {
	t.Parallel()
	first, second := txt("x.example.nl.", "1"), txt("X.example.nl", "2")
	other := Record{"A", "x.example.nl.", "192.0.2.1", 60}
	for reading, want := range map[PatchReading][]Record{
		PatchAdds:     {first, other, second},
		PatchReplaces: {other, second},
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Options{Patch: reading}, first, other)
			if got := patch(s, second); got.code != 200 {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), want...)
		})
	}
}

func TestPATCH_SameRecord(t *testing.T) {
	t.Parallel()
	there, again := Record{"TXT", "x", "v", 60}, Record{"TXT", "x.example.nl.", "v", 120}
	updated := Record{"TXT", "x", "v", 120}
	for _, c := range []struct {
		opts Options
		code int
		want []Record
	}{
		{Options{}, 200, []Record{updated}},
		{Options{PatchSame: PatchSameDuplicates}, 200, []Record{there, again}},
		{Options{PatchSame: PatchSameFails}, 400, []Record{there}},
		{Options{Patch: PatchReplaces}, 200, []Record{again}},
		{Options{Patch: PatchReplaces, PatchSame: PatchSameDuplicates}, 200, []Record{again}},
		{Options{Patch: PatchReplaces, PatchSame: PatchSameFails}, 400, []Record{there}},
	} {
		t.Run(c.opts.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, c.opts, there)
			if got := patch(s, again); got.code != c.code {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), c.want...)
		})
	}
}

func TestDELETE_AbsentRecord(t *testing.T) {
	t.Parallel()
	for reading, code := range map[DeleteAbsentReading]int{
		DeleteAbsentFails:    400,
		DeleteAbsentNotFound: 404,
		DeleteAbsentSucceeds: 200,
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Options{DeleteAbsent: reading}, txt("x", "1"))
			if got := remove(s, txt("x", "2")); got.code != code {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), txt("x", "1"))
		})
	}
}

func TestDELETE_Copies(t *testing.T) {
	t.Parallel()
	for oneCopy, left := range map[bool]int{false: 0, true: 1} {
		s := newTestServer(t, Options{DeleteOneCopy: oneCopy}, txt("x", "v"), txt("x", "v"))
		remove(s, txt("x", "v"))
		if got := len(s.Records(testDomain)); got != left {
			t.Errorf("DeleteOneCopy %v: got %d copies left, want %d", oneCopy, got, left)
		}
	}
}

func TestReadRecords_Forms(t *testing.T) {
	t.Parallel()
	stored := []Record{txt("Rel", "v"), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl", "v"), txt("@", "v"), txt("example.nl.", "v")}
	for _, c := range []struct {
		opts Options
		want []Record
	}{
		{Options{}, []Record{
			txt("Rel.example.nl.", "v"), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl.", "v"), txt("example.nl.", "v"), txt("example.nl.", "v"),
		}},
		{Options{Names: NamesAsWritten}, stored},
		{Options{Names: NamesRelative}, []Record{
			txt("Rel", "v"), txt("abs", `"v"`), txt("Bare", "v"), txt("@", "v"), txt("@", "v"),
		}},
		{Options{Names: NamesAsWritten, QuotedValues: true}, []Record{
			txt("Rel", `"v"`), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl", `"v"`), txt("@", `"v"`), txt("example.nl.", `"v"`),
		}},
	} {
		t.Run(c.opts.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, c.opts, stored...)
			wantRecords(t, read(t, s), c.want...)
			wantRecords(t, s.Records(testDomain), stored...)
		})
	}
}

func TestDELETE_AsShownByGET(t *testing.T) {
	t.Parallel()
	for opts := range EveryReading() {
		s := newTestServer(t, opts, txt("keep", "v"), txt("Gone", "v"))
		shown := read(t, s)[1]
		if got := remove(s, shown); got.code != 200 {
			t.Errorf("%s: %+v: got %d %s", opts, shown, got.code, got.body)
		}
		wantRecords(t, s.Records(testDomain), txt("keep", "v"))
	}
}

func TestDELETE_ShownForm(t *testing.T) {
	t.Parallel()
	opts := Options{DeleteShownForm: true, Names: NamesRelative, QuotedValues: true}
	s := newTestServer(t, opts, txt("x.example.nl.", "v"))
	for _, sent := range []Record{txt("x.example.nl.", `"v"`), txt("x", "v"), txt("X", `"v"`)} {
		if got := remove(s, sent); got.code != 400 {
			t.Errorf("%+v: got %d", sent, got.code)
		}
	}
	if got := remove(s, txt("x", `"v"`)); got.code != 200 {
		t.Errorf("shown form: got %d", got.code)
	}
}

func TestStatusText(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{StatusText: true})
	if p := serve(s, "GET", "/domains/other.nl/dns", "").parsed(t); p.Status != "error" {
		t.Errorf("failure: got status %v", p.Status)
	}
	if p := serve(s, "GET", "/domains", "").parsed(t); p.Status != 200.0 {
		t.Errorf("success: got status %v", p.Status)
	}
}

func TestMinTTL(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{MinTTL: 300})
	for ttl, code := range map[int]int{299: 400, 300: 200} {
		if got := patch(s, Record{"TXT", "x", "v", ttl}); got.code != code {
			t.Errorf("TTL %d: got %d", ttl, got.code)
		}
	}
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, young := txt("old.example.nl.", "v"), txt("young.example.nl.", "v")
		s := newTestServer(t, Options{StaleReads: 5 * time.Second}, old)
		patch(s, young)
		wantRecords(t, read(t, s), old)
		wantRecords(t, s.Records(testDomain), old, young)
		pass(5*time.Second - 1)
		wantRecords(t, read(t, s), old)
		pass(1)
		wantRecords(t, read(t, s), old, young)
		remove(s, old)
		wantRecords(t, read(t, s), old, young)
		pass(5 * time.Second)
		wantRecords(t, read(t, s), young)
	})
}

func TestReplicaJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Options{StaleReads: 5 * time.Second, ReplicaJitter: true})
		young := txt("young.example.nl.", "v")
		patch(s, young)
		wantRecords(t, read(t, s), young)
		wantRecords(t, read(t, s))
		wantRecords(t, read(t, s), young)
	})
}

func TestReadsAfterWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := txt("a.example.nl.", "v"), txt("b.example.nl.", "v")
		s := newTestServer(t, Options{EmptyAfterWrite: time.Second, ShortAfterWrite: 2 * time.Second}, a)
		s.AddRecord(testDomain, b)
		wantRecords(t, read(t, s), a, b) // only writes of the API count
		patch(s, a)
		wantRecords(t, read(t, s))
		pass(time.Second)
		wantRecords(t, read(t, s), a)
		pass(time.Second)
		wantRecords(t, read(t, s), a, b)
	})
}

func TestReconfigure(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{}, txt("x", "v"))
	s.Reconfigure(func(o *Options) { o.Names = NamesAsWritten })
	wantRecords(t, read(t, s), txt("x", "v"))
}

func TestEveryReading_AllDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for opts := range EveryReading() {
		if seen[opts.String()] {
			t.Errorf("%s: duplicate", opts)
		}
		seen[opts.String()] = true
	}
	if len(seen) != 2*3*3*2*2*2 || !seen["likely"] {
		t.Errorf("got %d readings", len(seen))
	}
}

func TestPATCH_ByDomain(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{PatchOf: map[string]PatchReading{"other.nl": PatchReplaces}}, txt("x", "1"))
	s.AddDomain(testKey, "other.nl")
	s.SetRecords("other.nl", []Record{txt("x", "1")})
	patch(s, txt("x", "2"))
	serve(s, "PATCH", "/domains/other.nl/dns", recordBody(txt("x", "2")))
	wantRecords(t, s.Records(testDomain), txt("x", "1"), txt("x", "2"))
	wantRecords(t, s.Records("other.nl"), txt("x", "2"))
}

func TestSuccessForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts Options
		code int
		body string // of a PATCH
	}{
		{Options{}, 200, `{"status":200,"status_description":"Request successful"}`},
		{Options{StatusZero: true}, 200, `{"status":0,"status_description":"Request successful"}`},
		{Options{Success202: true}, 202, `{"status":202,"status_description":"Request successful"}`},
		{Options{EmptyData: true}, 200, `{"status":200,"status_description":"Request successful","data":[]}`},
	} {
		t.Run(c.opts.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, c.opts)
			if got := patch(s, txt("x", "v")); got.code != c.code || got.body != c.body {
				t.Errorf("got %d %s", got.code, got.body)
			}
			failed := `{"status":400,"status_description":"You have no access to this resource"}`
			if c.opts.EmptyData {
				failed = strings.Replace(failed, "}", `,"data":[]}`, 1)
			}
			if got := serve(s, "GET", "/domains/none.nl/dns", ""); got.code != 400 || got.body != failed {
				t.Errorf("failure: got %d %s", got.code, got.body)
			}
		})
	}
}

func TestWrongMethod405(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{WrongMethod405: true})
	if got := serve(s, "POST", "/domains", "{}"); got.code != 405 || got.parsed(t).Description != messageNotAllowed {
		t.Errorf("got %d %s", got.code, got.body)
	}
}

func TestDomains_ListedForm(t *testing.T) {
	t.Parallel()
	for reading, want := range map[DomainsReading]struct{ listed, unknown string }{
		DomainsASCII:   {"xn--bcher-kva.nl", "b%C3%BCcher.nl"},
		DomainsUnicode: {"bücher.nl", "xn--bcher-kva.nl"},
		DomainsUpper:   {"XN--BCHER-KVA.NL", "xn--bcher-kva.nl"},
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			s := New(Options{Domains: reading})
			t.Cleanup(s.Close)
			s.AddAccount(testKey, "xn--bcher-kva.nl")
			if got := serve(s, "GET", "/domains", ""); !strings.Contains(got.body, `"domain":"`+want.listed+`"`) {
				t.Errorf("listed: got %s", got.body)
			}
			if got := serve(s, "GET", "/domains/"+url.PathEscape(want.listed)+"/dns", ""); got.code != 200 {
				t.Errorf("listed form: got %d, want 200", got.code)
			}
			if got := serve(s, "GET", "/domains/"+want.unknown+"/dns", ""); got.code != 400 {
				t.Errorf("other form: got %d, want 400", got.code)
			}
		})
	}
}

func TestMaxDomains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{MaxDomains: 2})
		defer s.Close()
		s.AddAccount(testKey, "one.nl", "two.nl", "three.nl")
		s.Inject(Fault{Kind: ShortDomains(1), Until: time.Second})
		for _, want := range []int{1, 2} {
			if got := strings.Count(serve(s, "GET", "/domains", "").body, `"domain":`); got != want {
				t.Errorf("got %d domains, want %d", got, want)
			}
			pass(time.Second)
		}
		if got := serve(s, "GET", "/domains/three.nl/dns", ""); got.code != 200 {
			t.Errorf("domain not listed: got %d, want 200", got.code)
		}
	})
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	r := newRequest("GET", BasePath+"/whoami", "")
	r.RemoteAddr = "203.0.113.7:4711"
	if got := serveRequest(s, r); got.code != 200 || !strings.Contains(got.body, `"data":{"ip":"203.0.113.7","customer_number":"`) {
		t.Errorf("got %d %s", got.code, got.body)
	}
	if got := serve(s, "POST", "/whoami", "{}"); got.code != 400 {
		t.Errorf("POST: got %d", got.code)
	}
	s.Reconfigure(func(o *Options) { o.NoWhoAmI = true })
	if got := serveRequest(s, r); got.code != 404 {
		t.Errorf("with NoWhoAmI: got %d", got.code)
	}
}
