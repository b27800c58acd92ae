package realtimeregistertest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	testKey  = "key-of-a-test"
	testName = "_acme-challenge.example.nl"
)

// foreignRecords have forms that a lossy client would change: unknown fields, numbers, escapes, white space.
func foreignRecords() []string {
	return []string{
		`{"name":"example.nl","type":"MX","content":"mail.example.nl","ttl":3e2,"prio":0}`,
		`{ "name": "www.example.nl", "type":"A", "content":"192.0.2.1", "ttl":300.0, "note": {"by":"J\u00f6rg <x>","big":12345678901234567890} }`,
		Record("example.nl", "TXT", "v=spf1 -all", 3600),
	}
}

type world struct {
	*Server
	id int
}

// addZone adds the usual account and zone to a server.
func addZone(s *Server, z Zone) world {
	s.AddAccount("reseller", testKey)
	if z.Name == "" {
		z.Name = "example.nl"
	}
	if z.Records == nil {
		z.Records = foreignRecords()
	}
	s.DeclareChallenge(testName)
	return world{s, s.AddZone("reseller", z)}
}

type reply struct {
	code   int
	header http.Header
	body   string
}

func (w world) do(t *testing.T, method, path, body string, headers ...string) (reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", APIKey(testKey))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	transport := w.HTTPTransport()
	transport.DisableKeepAlives = true
	response, err := (&http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return reply{response.StatusCode, response.Header, string(text)}, err
}

func (w world) call(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	got, err := w.do(t, method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (w world) path() string { return "/dns/zones/" + string(encode(w.id)) }

// read returns the records that GET shows, or nil without the field.
func (w world) read(t *testing.T) []string {
	t.Helper()
	return recordsOf(t, w.call(t, "GET", w.path(), "").body)
}

func recordsOf(t *testing.T, body string) []string {
	t.Helper()
	var zone struct{ Records []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &zone); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var out []string
	for _, r := range zone.Records {
		out = append(out, string(r))
	}
	return out
}

func listBody(records ...string) string { return `{"records":[` + strings.Join(records, ",") + `]}` }

func (w world) post(t *testing.T, records ...string) reply {
	t.Helper()
	return w.call(t, "POST", w.path()+"/update", listBody(records...))
}

func challenge(value string) string { return Record(testName, "TXT", value, 300) }
