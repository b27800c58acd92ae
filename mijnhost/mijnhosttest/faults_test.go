package mijnhosttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Applies each fault to a PATCH over a connection, and checks what the client receives and whether the record was written.
func TestFault_EachKind(t *testing.T) {
	t.Parallel()
	const never = time.Duration(0)
	for _, c := range []struct {
		kind    Kind
		code    int // 0: no response
		broken  bool
		body    string
		elapsed time.Duration
		written bool
	}{
		{Status(400), 400, false, `"status_description":"You have no access to this resource"`, never, false},
		{Status(401), 401, false, `"status":401,"status_description":"No valid API key set"`, never, false},
		{Status(403), 403, false, `"status":403`, never, false},
		{Status(404), 404, false, `"status":404`, never, false},
		{Status(405), 405, false, `"status":405`, never, false},
		{Status(500), 500, false, `"status":500`, never, false},
		{StatusMessage(400, "Try again"), 400, false, `"Try again"`, never, false},
		{RateLimited(nil), 429, false, `"status":429`, never, false},
		{Unavailable(nil), 503, false, `"status":503`, never, false},
		{HTMLPage(502), 502, false, "<h1>Bad Gateway</h1>", never, false},
		{HTMLPage(200), 200, false, "<h1>OK</h1>", never, false},
		{ErrorInside200(400, "No"), 200, false, `{"status":400,"status_description":"No"}`, never, false},
		{ErrorTextInside200("No"), 200, false, `{"status":"error","status_description":"No"}`, never, false},
		{DropBefore(), 0, true, "", never, false},
		{DropAfter(), 0, true, "", never, true},
		{Truncated(), 200, true, `{"status":200`, never, true},
		{Malformed(), 200, false, `{"status":200`, never, true},
		{WrongContentType(), 200, false, `successful"}`, never, true},
		{SlowBody(time.Second), 200, false, `successful"}`, 56 * time.Second, true},
		{Redirect(307, "https://elsewhere.example/"), 307, false, "", never, false},
		{AfterEffect(Status(500)), 500, false, `"status":500`, never, true},
		{AfterEffect(HTMLPage(502)), 502, false, "Bad Gateway", never, true},
		{Late(20*time.Second, Status(500)), 500, false, `"status":500`, 20 * time.Second, false},
		{Late(20*time.Second, DropAfter()), 0, true, "", 20 * time.Second, true},
		{Slow(20 * time.Second), 200, false, `"status":200`, 20 * time.Second, true},
		{EmptyRead(), 200, false, `"status":200`, never, true},
		{NoDomains(), 200, false, `"status":200`, never, true},
		{ShortDomains(1), 200, false, `"status":200`, never, true},
		{NotOnAllowList(), 401, false, messageAddress, never, false},
		{DNSElsewhere(), 400, false, messageDNSElsewhere, never, false},
		{DataIsArray(), 200, false, `"data":[]`, never, true},
		{NoData(), 200, false, `successful"}`, never, true},
		{TextTTL(), 200, false, `"status":200`, never, true},
		{TextDomains(), 200, false, `"status":200`, never, true},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := StartInMemory(t, Options{})
				populate(s)
				s.Inject(Fault{Kind: c.kind})
				start := time.Now()
				got, err := send(t, s, "PATCH", "/domains/example.nl/dns", recordBody(txt("x", "v")))
				if (err != nil) != c.broken || got.code != c.code || !strings.Contains(got.body, c.body) {
					t.Errorf("got %d %q, %v", got.code, got.body, err)
				}
				if elapsed := time.Since(start); elapsed != c.elapsed {
					t.Errorf("response after %s, want %s", elapsed, c.elapsed)
				}
				if written := len(s.Records(testDomain)) == 1; written != c.written {
					t.Errorf("record written: got %v", written)
				}
				synctest.Wait()
				if r := s.Requests(); len(r) != 1 || r[0].Status != c.code || r[0].Fault != c.kind.String() {
					t.Errorf("log: got %+v", r)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			after RetryAfter
			want  string
		}{
			{nil, ""},
			{InSeconds(1500 * time.Millisecond), "2"},
			{InSeconds(0), "0"},
			{AtDate(30 * time.Second), time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)},
			{AtDate(1), time.Now().Add(time.Second).UTC().Format(http.TimeFormat)},
			{AsWritten("soon"), "soon"},
		} {
			for code, kind := range map[int]Kind{429: RateLimited(c.after), 503: Unavailable(c.after)} {
				s := newTestServer(t, Options{})
				s.Inject(Fault{Kind: kind})
				got := serve(s, "GET", "/domains", "")
				if got.code != code || got.header.Get("Retry-After") != c.want {
					t.Errorf("got %d, Retry-After %q, want %q", got.code, got.header.Get("Retry-After"), c.want)
				}
			}
		}
	})
}

func TestAlteredReads(t *testing.T) {
	t.Parallel()
	a, b, c := txt("a.example.nl.", "v"), txt("b.example.nl.", "v"), txt("c.example.nl.", "v")
	for _, k := range []struct {
		kind Kind
		body string
		want []Record
	}{
		{EmptyRead(), `"records":[]`, nil},
		{NullRecords(), `"records":null`, nil},
		{ShortRead(), `"a.example.nl."`, []Record{a}},
	} {
		s := newTestServer(t, Options{}, a, b, c)
		s.Inject(Fault{Kind: k.kind})
		got := serve(s, "GET", "/domains/example.nl/dns", "")
		if !strings.Contains(got.body, k.body) {
			t.Errorf("%s: got %s", k.kind, got.body)
		}
		wantRecords(t, listed(t, got), k.want...)
		wantRecords(t, s.Records(testDomain), a, b, c)
	}
	s := newTestServer(t, Options{})
	s.Inject(Fault{Kind: NoDomains()})
	if got := serve(s, "GET", "/domains", ""); !strings.Contains(got.body, `"domains":[]`) {
		t.Errorf("NoDomains: got %s", got.body)
	}
}

func TestFault_WrongContentTypeOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{}, txt("a.example.nl.", "v"))
	right := serve(s, "GET", "/domains/example.nl/dns", "")
	s.Inject(Fault{Kind: WrongContentType()})
	wrong := serve(s, "GET", "/domains/example.nl/dns", "")
	if wrong.code != right.code || wrong.body != right.body {
		t.Errorf("got %d %q, want %d %q", wrong.code, wrong.body, right.code, right.body)
	}
	if got := wrong.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("got Content-Type %q", got)
	}
}

func TestHang_EndsWithClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{})
		populate(s)
		s.Inject(Fault{Kind: Hang()})
		client := &http.Client{Transport: s.HTTPTransport(), Timeout: 25 * time.Second}
		start := time.Now()
		response, err := client.Do(newRequest("GET", s.URL()+"/domains", ""))
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 25*time.Second {
			t.Errorf("after %s: got %v", time.Since(start), err)
		}
		synctest.Wait()
		if s.InFlight() != 0 {
			t.Error("call still in flight")
		}
	})
}

func TestHang_EndsWithServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := StartInMemory(t, Options{})
		s.Inject(Fault{Kind: Hang()})
		go func() {
			pass(time.Minute)
			s.Close()
		}()
		if _, err := send(t, s, "GET", "/domains", ""); err == nil {
			t.Error("got a response")
		}
	})
}

func TestEndless_EndsWithClient(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	populate(s)
	s.Inject(Fault{Kind: Endless()})
	transport := s.HTTPTransport()
	response, err := transport.RoundTrip(newRequest("GET", s.URL()+"/domains", ""))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.CopyN(io.Discard, response.Body, 8<<20); n != 8<<20 || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
	_ = response.Body.Close()
	s.Close() // waits for the call
	if s.InFlight() != 0 {
		t.Error("response still in flight")
	}
}

func TestDrop_ResetsTCP(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	populate(s)
	s.Inject(Fault{Kind: DropBefore()})
	_, err := send(t, s, "PATCH", "/domains/example.nl/dns", recordBody(txt("x", "v")))
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestInject_Filters(t *testing.T) {
	t.Parallel()
	other := func(r *http.Request) { r.Header.Set("API-Key", "other key") }
	for _, c := range []struct {
		claim string
		fault Fault
		hits  []bool // GET /domains, GET and PATCH of example.nl, GET of other.nl with another key
	}{
		{"all", Fault{}, []bool{true, true, true, true}},
		{"operation", Fault{Op: OpReadRecords}, []bool{false, true, false, true}},
		{"method", Fault{Method: "GET"}, []bool{true, true, false, true}},
		{"domain", Fault{Domain: "EXAMPLE.nl"}, []bool{false, true, true, false}},
		{"key", Fault{Key: "other key"}, []bool{false, false, false, true}},
		{"operation and domain", Fault{Op: OpReadRecords, Domain: "other.nl"}, []bool{false, false, false, true}},
		{"When", Fault{When: func(r Request) bool { return len(r.Body) > 0 }}, []bool{false, false, true, false}},
		{"Skip", Fault{Skip: 2}, []bool{false, false, true, true}},
		{"Times", Fault{Times: 1}, []bool{true, false, false, false}},
		{"Skip and Times", Fault{Method: "GET", Skip: 1, Times: 1}, []bool{false, true, false, false}},
		{"From", Fault{From: time.Hour}, []bool{false, false, false, false}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Options{})
			s.AddAccount("other key", "other.nl")
			c.fault.Kind = Status(500)
			s.Inject(c.fault)
			last := newRequest("GET", BasePath+"/domains/other.nl/dns", "")
			other(last)
			var hits []bool
			for _, got := range []reply{
				serve(s, "GET", "/domains", ""),
				serve(s, "GET", "/domains/example.nl/dns", ""),
				patch(s, txt("x", "v")),
				serveRequest(s, last),
			} {
				hits = append(hits, got.code == 500)
			}
			if !slices.Equal(hits, c.hits) {
				t.Errorf("hits %v, want %v", hits, c.hits)
			}
		})
	}
}

func TestInject_Until(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Options{})
		s.Inject(Fault{Kind: Status(500), From: time.Second, Until: 3 * time.Second})
		var codes []int
		for range 4 {
			codes = append(codes, serve(s, "GET", "/domains", "").code)
			pass(time.Second)
		}
		if !slices.Equal(codes, []int{200, 500, 500, 200}) {
			t.Errorf("got codes %v", codes)
		}
	})
}

func TestInject_OrderAndRemoval(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	s.Inject(Fault{Kind: Status(500), Times: 1})
	remove := s.Inject(Fault{Kind: Status(403)})
	var codes []int
	for range 2 {
		codes = append(codes, serve(s, "GET", "/domains", "").code)
	}
	remove()
	codes = append(codes, serve(s, "GET", "/domains", "").code)
	s.Inject(Fault{Kind: Status(404)})
	s.ClearFaults()
	codes = append(codes, serve(s, "GET", "/domains", "").code)
	if !slices.Equal(codes, []int{500, 403, 200, 200}) {
		t.Errorf("got codes %v", codes)
	}
}

func TestFault_OtherShapes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind          Kind
		read, domains string
	}{
		{DataIsArray(), `"data":[]}`, `"data":[]}`},
		{NoData(), `"Request successful"}`, `"Request successful"}`},
		{TextTTL(), `{"name":"a.example.nl.","ttl":"60","type":"TXT","value":"v"}`, `"domains":[{`},
		{TextDomains(), `"ttl":60`, `"data":{"domains":["example.nl"]}}`},
	} {
		s := newTestServer(t, Options{}, txt("a.example.nl.", "v"))
		s.Inject(Fault{Kind: c.kind})
		for path, want := range map[string]string{"/domains/example.nl/dns": c.read, "/domains": c.domains} {
			if got := serve(s, "GET", path, ""); got.code != 200 || !strings.Contains(got.body, want) {
				t.Errorf("%s, GET %s: got %d %s", c.kind, path, got.code, got.body)
			}
		}
		if got := serve(s, "GET", "/domains/none.nl", ""); got.code != 400 {
			t.Errorf("%s: unknown domain: got %d, want 400", c.kind, got.code)
		}
	}
}

func TestWhoAmI_NotOnAllowList(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{})
	s.Inject(Fault{Kind: NotOnAllowList()})
	if got := serve(s, "GET", "/whoami", ""); got.code != 200 || !strings.Contains(got.body, `"ip":"192.0.2.`) {
		t.Errorf("got %d %s", got.code, got.body)
	}
}

func TestEffectLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Options{})
		s.Inject(Fault{Kind: EffectLater(time.Second), Times: 1})
		if got := patch(s, txt("x", "v")); got.code != 500 {
			t.Errorf("got %d", got.code)
		}
		wantRecords(t, s.Records(testDomain))
		pass(time.Second)
		synctest.Wait()
		wantRecords(t, s.Records(testDomain), txt("x", "v"))
	})
}
