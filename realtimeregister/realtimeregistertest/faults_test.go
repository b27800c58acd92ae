package realtimeregistertest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Applies each fault to an update, and checks what the client receives and whether the update took effect.
func TestFault_EachKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    Kind
		code    int // 0: no response
		broken  bool
		body    string
		elapsed time.Duration
		written bool
	}{
		{Status(400), 400, false, `"type":"ProcessError"`, 0, false},
		{Status(401), 401, false, `"type":"AuthenticationError"`, 0, false},
		{Status(500), 500, false, `"type":"InternalSRSError"`, 0, false},
		{Status(502), 502, false, `"type":"ProviderConnectionError"`, 0, false},
		{Failure(400, "ObjectStatusProhibitsOperation", "x"), 400, false, `"message":"x"`, 0, false},
		{EmptyFailure(403), 403, false, "", 0, false},
		{RateLimited(nil), 429, false, `"type":"TooManyRequests"`, 0, false},
		{Unavailable(InSeconds(time.Second)), 503, false, `"type":"ProviderUnavailable"`, 0, false},
		{HTMLPage(502), 502, false, "<h1>Bad Gateway</h1>", 0, false},
		{Hang(), 0, true, "", time.Minute, false},
		{DropBefore(), 0, true, "", 0, false},
		{DropAfter(), 0, true, "", 0, true},
		{DropThenEffect(5 * time.Second), 0, true, "", 0, false},
		{AfterEffect(Status(500)), 500, false, `"InternalSRSError"`, 0, true},
		{AfterEffect(RateLimited(nil)), 429, false, ``, 0, true},
		{AfterEffect(HTMLPage(504)), 504, false, `proxy`, 0, true},
		{AfterEffect(Hang()), 0, true, ``, time.Minute, true},
		{Accepted(), 202, false, "", 0, true},
		{Truncated(), 200, true, "{", 0, true},
		{Malformed(), 200, false, "{", 0, true},
		{WrongContentType(), 200, false, "{}", 0, true},
		{OtherShape(`[1]`), 200, false, "[1]", 0, true},
		{SlowBody(time.Second), 200, false, "{}", 2 * time.Second, true},
		{Slow(20 * time.Second), 200, false, "{}", 20 * time.Second, true},
		{Late(20*time.Second, DropAfter()), 0, true, "", 20 * time.Second, true},
		{Redirect(307, "https://elsewhere.example/"), 307, false, "", 0, false},
		{ShortRead(), 200, false, "{}", 0, true},
		{NoZones(), 200, false, "{}", 0, true},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := addZone(StartInMemory(t, Options{UpdateBody: UpdateBodyObject}), Zone{})
				records := append(w.read(t), challenge("v"))
				w.ResetRequests()
				w.Inject(Fault{Kind: c.kind})
				start := time.Now()
				got, err := w.do(t, "POST", w.path()+"/update", listBody(records...))
				if (err != nil) != c.broken || got.code != c.code || !strings.Contains(got.body, c.body) {
					t.Errorf("got %d %q, %v", got.code, got.body, err)
				}
				if elapsed := time.Since(start); elapsed != c.elapsed {
					t.Errorf("response after %s, want %s", elapsed, c.elapsed)
				}
				if written := len(w.TXTValues(w.id, testName)) == 1; written != c.written {
					t.Errorf("record written: got %v", written)
				}
				synctest.Wait()
				if r := w.Requests(); len(r) != 1 || r[0].Status != c.code || r[0].Fault != c.kind.String() || r[0].Zone != w.id {
					t.Errorf("log: got %+v", r)
				}
			})
		})
	}
}

func TestFault_Reads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind     Kind
		has, not string
	}{
		{ShortRead(), `"records":[{"name":"example.nl","type":"MX"`, `late`},
		{AbsentRecords(), `"service"`, `"records"`},
		{EmptyRecords(), `"records":[]`, `MX`},
		{NullRecords(), `"records":null`, `MX`},
		{OtherRecords(`{"a":1}`), `"records":{"a":1}`, `MX`},
		{OtherName("example.com"), `"name":"example.com","customer"`, `"name":"example.nl","customer"`},
		{StaleRead(time.Hour), `MX`, `late`},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			w := addZone(Start(t, Options{History: time.Hour}), Zone{})
			w.AddRecord(w.id, Record("late.example.nl", "A", "192.0.2.1", 60))
			w.Inject(Fault{Kind: c.kind, Times: 2})
			for _, path := range []string{w.path(), "/dns/zones?name=example.nl"} {
				if got := w.call(t, "GET", path, ""); got.code != 200 || !strings.Contains(got.body, c.has) || strings.Contains(got.body, c.not) {
					t.Errorf("%s: got %d %s", path, got.code, got.body)
				}
			}
			if got := w.call(t, "GET", w.path(), ""); !strings.Contains(got.body, "late") {
				t.Errorf("fault did not end: got %s", got.body)
			}
		})
	}
	w := addZone(Start(t, Options{}), Zone{})
	remove := w.Inject(Fault{Op: OpListZones, Kind: NoZones()})
	if got := w.call(t, "GET", "/dns/zones", ""); got.body != `{"entities":[],"pagination":{"limit":10,"offset":0,"total":0}}` {
		t.Errorf("got %s", got.body)
	}
	remove()
	if got := w.call(t, "GET", "/dns/zones", ""); !strings.Contains(got.body, "MX") {
		t.Errorf("got %s", got.body)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		kind Kind
		want string
	}{
		{Options{}, RateLimited(nil), ""},
		{Options{RetryAfter: 7 * time.Second}, RateLimited(nil), "7"},
		{Options{RetryAfter: 7 * time.Second}, RateLimited(AsWritten("soon")), "soon"},
		{Options{}, Unavailable(InSeconds(1500 * time.Millisecond)), "2"},
		{Options{}, Unavailable(AtDate(time.Minute)), "Sat, 01 Jan 2000 00:01:00 GMT"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := addZone(StartInMemory(t, c.o), Zone{})
			w.Inject(Fault{Kind: c.kind})
			if got := w.call(t, "GET", "/dns/zones", "").header.Get("Retry-After"); got != c.want {
				t.Errorf("%s: got %q", c.kind, got)
			}
		})
	}
}

func TestEndless_EndsWithClient(t *testing.T) {
	t.Parallel()
	w := addZone(Start(t, Options{}), Zone{})
	w.Inject(Fault{Kind: Endless()})
	if got := w.call(t, "GET", w.path(), ""); len(got.body) != 1<<20 {
		t.Errorf("got %d bytes", len(got.body))
	}
}
