package mijnhosttest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

func TestRequestLog_Contents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Options{})
		pass(time.Hour)
		r := newRequest("PATCH", BasePath+"/domains/example.nl/dns", `{"record":1}`)
		r.Header.Set("User-Agent", "a client/1")
		r.Header.Set("Accept", "application/json")
		serveRequest(s, r)
		log := s.Requests()
		if len(log) != 1 {
			t.Fatalf("log: got %+v", log)
		}
		got := log[0]
		if !got.Time.Equal(time.Now()) || got.Op != OpPatchRecord || got.Domain != testDomain || got.Method != http.MethodPatch ||
			got.Path != "/api/v2/domains/example.nl/dns" || got.Key != testKey || string(got.Body) != `{"record":1}` || got.Status != 400 {
			t.Errorf("log: got %+v", got)
		}
		for name, want := range map[string]string{
			"User-Agent": "a client/1", "Accept": "application/json", "Content-Type": "application/json", "API-Key": testKey,
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%s: got %q", name, got.Header.Get(name))
			}
		}
	})
}

func TestRequestLog_Counts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{RequestLogLimit: 2})
	for i := range 3 {
		serve(s, "GET", fmt.Sprintf("/domains/%d/dns", i), "")
	}
	patch(s, txt("x", "v"))
	if s.Calls() != 4 || s.CallsOf(OpReadRecords) != 3 || s.CallsOf(OpPatchRecord) != 1 || s.BodyBytes() == 0 || s.MaxInFlight() != 1 {
		t.Errorf("got %d calls, %d bytes, %d in flight", s.Calls(), s.BodyBytes(), s.MaxInFlight())
	}
	if log := s.Requests(); len(log) != 2 || log[0].Domain != "2" || log[1].Op != OpPatchRecord {
		t.Errorf("log: got %+v", log)
	}
	s.ResetRequests()
	if s.Calls() != 0 || s.CallsOf(OpReadRecords) != 0 || s.BodyBytes() != 0 || s.MaxInFlight() != 0 || len(s.Requests()) != 0 {
		t.Error("want everything reset except PUTs")
	}
}

// fakeTB records errors instead of failing.
type fakeTB struct {
	errors   []string
	cleanups []func()
}

func (f *fakeTB) Helper()          {}
func (f *fakeTB) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (f *fakeTB) end() {
	for _, c := range slices.Backward(f.cleanups) {
		c()
	}
}

func TestRequireNoPUT(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		claim, method, path string
		opts                Options
		fails               bool
	}{
		{"PUT of a zone", "PUT", "/domains/example.nl/dns", Options{}, true},
		{"PUT of another path", "PUT", "/nothing", Options{}, true},
		{"no PUT", "PATCH", "/domains/example.nl/dns", Options{}, false},
		{"PUT with AllowPUT", "PUT", "/domains/example.nl/dns", Options{AllowPUT: true}, false},
	} {
		for name, start := range map[string]func(hosttest.TB, Options) *Server{"on a port": Start, "in memory": StartInMemory} {
			t.Run(c.claim+" "+name, func(t *testing.T) {
				t.Parallel()
				tb := &fakeTB{}
				s := start(tb, c.opts)
				populate(s)
				if _, err := send(t, s, c.method, c.path, "{}"); err != nil {
					t.Error(err)
				}
				s.ResetRequests()
				tb.end()
				if fails := len(tb.errors) > 0; fails != c.fails {
					t.Errorf("got errors %q", tb.errors)
				}
			})
		}
	}
}
