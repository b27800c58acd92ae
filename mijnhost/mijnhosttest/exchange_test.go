package mijnhosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	testKey    = "the-key"
	testDomain = "example.nl"
)

// reply is a response as a client receives it.
type reply struct {
	code   int
	header http.Header
	body   string
}

// parsed is a decoded body.
type parsed struct {
	Status      any             `json:"status"`
	Description string          `json:"status_description"`
	Data        json.RawMessage `json:"data"`
}

func (r reply) parsed(t *testing.T) parsed {
	t.Helper()
	var p parsed
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	return p
}

// newTestServer does not listen. It has one account with one domain.
func newTestServer(t *testing.T, opts Options, records ...Record) *Server {
	t.Helper()
	s := New(opts)
	t.Cleanup(s.Close)
	populate(s, records...)
	return s
}

func populate(s *Server, records ...Record) {
	s.AddAccount(testKey, testDomain)
	s.SetRecords(testDomain, records)
}

func newRequest(method, url, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	r.RequestURI = "" // so that a client can send it too
	r.Header.Set("API-Key", testKey)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// serve calls the handler without a network.
func serve(s *Server, method, path, body string) reply {
	return serveRequest(s, newRequest(method, BasePath+path, body))
}

func serveRequest(s *Server, r *http.Request) reply {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// send sends a request over the server's network, and does not follow redirects.
func send(t *testing.T, s *Server, method, path, body string) (reply, error) {
	t.Helper()
	transport := s.HTTPTransport()
	defer transport.CloseIdleConnections()
	r := newRequest(method, s.URL()+path, body).WithContext(t.Context())
	response, err := transport.RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var buffer bytes.Buffer
	_, err = io.Copy(&buffer, response.Body)
	return reply{response.StatusCode, response.Header, buffer.String()}, err
}

func listed(t *testing.T, r reply) []Record {
	t.Helper()
	if r.code != http.StatusOK {
		t.Fatalf("reading records: got %d %s", r.code, r.body)
	}
	var data wireRecords
	if err := json.Unmarshal(r.parsed(t).Data, &data); err != nil {
		t.Fatal(err)
	}
	return data.Records
}

func read(t *testing.T, s *Server) []Record {
	t.Helper()
	return listed(t, serve(s, "GET", "/domains/example.nl/dns", ""))
}

func recordBody(r Record) string {
	body, err := json.Marshal(map[string]any{"record": r})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func patch(s *Server, r Record) reply {
	return serve(s, "PATCH", "/domains/example.nl/dns", recordBody(r))
}

func remove(s *Server, r Record) reply {
	return serve(s, "DELETE", "/domains/example.nl/dns", recordBody(r))
}

func txt(name, value string) Record {
	return Record{Type: "TXT", Name: name, Value: value, TTL: 60}
}

func wantRecords(t *testing.T, got []Record, want ...Record) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("records:\n got %+v\nwant %+v", got, want)
	}
}

// pass advances the virtual time.
func pass(d time.Duration) { <-time.After(d) }
