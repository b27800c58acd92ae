package mijnhost_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestClient_RequestsAsDocumented(t *testing.T) {
	t.Parallel()
	record := mijnhost.Record{Type: "TXT", Name: testName, Value: "value", TTL: 60}
	for name, c := range map[string]struct {
		call   func(context.Context, *mijnhost.Client) error
		method string
		path   string
		body   string
	}{
		"ListDomains": {
			func(ctx context.Context, c *mijnhost.Client) error { _, err := c.ListDomains(ctx); return err },
			http.MethodGet, "/api/v2/domains", "",
		},
		"Records": {
			func(ctx context.Context, c *mijnhost.Client) error {
				_, err := c.Records(ctx, "example.nl")
				return err
			},
			http.MethodGet, "/api/v2/domains/example.nl/dns", "",
		},
		"PatchRecord": {
			func(ctx context.Context, c *mijnhost.Client) error { return c.PatchRecord(ctx, "example.nl", record) },
			http.MethodPatch, "/api/v2/domains/example.nl/dns",
			`{"record":{"type":"TXT","name":"_acme-challenge.example.nl.","value":"value","ttl":60}}`,
		},
		"DeleteRecord": {
			func(ctx context.Context, c *mijnhost.Client) error {
				return errors.Join(c.PatchRecord(ctx, "example.nl", record), c.DeleteRecord(ctx, "example.nl", record))
			},
			http.MethodDelete, "/api/v2/domains/example.nl/dns",
			`{"record":{"type":"TXT","name":"_acme-challenge.example.nl.","value":"value"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.must(c.call(b.Context(), mijnhost.NewClient(b.options(), testKey)))
				requests := b.api.Requests()
				r := requests[len(requests)-1]
				if r.Method != c.method || r.Path != c.path || string(r.Body) != c.body {
					b.Errorf("got request %s %s %s", r.Method, r.Path, r.Body)
				}
				headers := map[string]string{"API-Key": testKey, "User-Agent": "test/1", "Accept": "application/json", "Content-Type": ""}
				if c.body != "" {
					headers["Content-Type"] = "application/json"
				}
				for header, want := range headers {
					if got := r.Header.Get(header); got != want {
						b.Errorf("%s: got %q, want %q", header, got, want)
					}
				}
			})
		})
	}
}

// The responses have shapes that mijn.host documents or users have observed.
func TestClient_RecordedResponses(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, file string, status int) *mijnhost.Client {
		t.Helper()
		body, err := os.ReadFile(filepath.Join("..", "testdata", "api", file))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}))
		t.Cleanup(server.Close)
		return mijnhost.NewClient(mijnhost.Options{BaseURL: server.URL}, testKey)
	}

	domains, err := serve(t, "domains.json", 200).ListDomains(t.Context())
	if want := []string{"example.nl", "example.com"}; err != nil || !slices.Equal(domains, want) {
		t.Errorf("domains: got %q, %v, want %q", domains, err, want)
	}
	records, err := serve(t, "records.json", 200).Records(t.Context(), "example.nl")
	want := []mijnhost.Record{
		{Type: "A", Name: "example.nl.", Value: "192.0.2.10", TTL: 900},
		{Type: "TXT", Name: "example.nl.", Value: "v=spf1 mx ~all", TTL: 900},
		{Type: "CNAME", Name: "www", Value: "example.nl.", TTL: 900},
	}
	if err != nil || !slices.Equal(records, want) {
		t.Errorf("records: got %v, %v, want %v", records, err, want)
	}

	for file, c := range map[string]struct {
		status int
		want   apiclient.Error
	}{
		"401.json":          {401, apiclient.Error{Host: "mijn.host", Op: mijnhost.OpReadRecords, Status: 401, Message: "No valid API key set"}},
		"400.json":          {400, apiclient.Error{Host: "mijn.host", Op: mijnhost.OpReadRecords, Status: 400, Message: "You have no access to this resource"}},
		"error-in-200.json": {200, apiclient.Error{Host: "mijn.host", Op: mijnhost.OpReadRecords, Status: 400, Message: "DNS records not managed by mijn.host", Kind: mijnhost.ErrNotManaged}},
	} {
		_, err := serve(t, file, c.status).Records(t.Context(), "example.nl")
		var got *apiclient.Error
		if !errors.As(err, &got) || *got != c.want {
			t.Errorf("%s: got %+v, want %+v", file, err, c.want)
		}
	}
}

func TestClient_InvalidDomain(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		client := mijnhost.NewClient(b.options(), testKey)
		for _, domain := range []string{"", "nl", "../domains", "example.nl/../other.nl", "example.nl?a=b", "example.nl#", "example.nl%2Fdns", "example.nl.", "a b.nl"} {
			if _, err := client.Records(b.Context(), domain); err == nil {
				b.Errorf("%q: want an error", domain)
			}
		}
		b.wantCalls()
	})
}

func TestClient_RedirectNotFollowed(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Redirect(307, "http://elsewhere.example/api/v2/domains")})
		if err := b.add("value"); err == nil {
			b.Error("want an error")
		}
		for _, r := range b.api.Requests() {
			if r.Host == "elsewhere.example" {
				b.Errorf("%s %s was sent to %s", r.Method, r.Path, r.Host)
			}
		}
	})
}

func TestCoolDown_PausesAllCallsOfTheKey(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		client := mijnhost.NewClient(b.options(), testKey)
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Second)), Times: 1})
		results := make(chan error)
		go func() { _, err := client.Records(b.Context(), "example.nl"); results <- err }()
		time.Sleep(time.Second)
		for range 20 {
			go func() { _, err := client.Records(b.Context(), "example.nl"); results <- err }()
		}
		time.Sleep(8 * time.Second)
		if calls := b.api.Calls(); calls != 1 {
			b.Errorf("got %d calls during the cool-down, want 1", calls)
		}
		for range 21 {
			b.must(<-results)
		}
	})
}

// A queued call also waits for a cool-down that starts while it is in the queue.
func TestCoolDown_PausesQueuedCalls(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{200 * time.Millisecond, time.Second} {
		inBubble(t, mijnhosttest.Options{Latency: latency}, func(b bubble) {
			client := mijnhost.NewClient(b.options(), testKey)
			b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Second)), Until: 10 * time.Second})
			results := make(chan error)
			for range 60 {
				go func() { _, err := client.Records(b.Context(), "example.nl"); results <- err }()
			}
			time.Sleep(10 * time.Second)
			if calls := b.api.Calls(); calls != 8 {
				b.Errorf("got %d calls during the cool-down, want the 8 in flight", calls)
			}
			for range 60 {
				b.must(<-results)
			}
		})
	}
}

func TestCoolDown_LongerThanDeadline(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Minute)), Times: 1})
		start := time.Now()
		for range 5 {
			if err := b.add("value"); !errors.Is(err, apiclient.ErrRateLimited) {
				b.Errorf("got %v, want ErrRateLimited", err)
			}
		}
		if elapsed := time.Since(start); elapsed > 2*time.Second {
			b.Errorf("took %s", elapsed)
		}
		b.wantCalls(read)
		time.Sleep(10 * time.Minute)
		b.must(b.add("value"))
	})
}

func TestCoolDown_AtMostOneHour(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]mijnhosttest.RetryAfter{
		"one day":            mijnhosttest.InSeconds(24 * time.Hour),
		"date":               mijnhosttest.AtDate(24 * time.Hour),
		"overflows Duration": mijnhosttest.AsWritten("9223372036854775807"),
		"overflows int64":    mijnhosttest.AsWritten("99999999999999999999"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(after), Times: 1})
				_ = b.add("value")
				time.Sleep(59 * time.Minute)
				if err := b.add("value"); !errors.Is(err, apiclient.ErrRateLimited) {
					b.Errorf("within the hour: got %v, want ErrRateLimited", err)
				}
				b.wantCalls(read)
				time.Sleep(time.Minute)
				b.must(b.add("value"))
			})
		})
	}
}

func TestCoolDown_OtherKeysUnaffected(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.AddAccount("other-key", "example.org")
		b.api.Inject(mijnhosttest.Fault{Key: testKey, Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(time.Hour))})
		_ = b.add("value")
		b.must(present(b.Context(), b.Provider, "other-key", "example.org.", "_acme-challenge.example.org.", "value"))
	})
}

func TestClient_AtMostEightRequestsInFlight(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 100 * time.Millisecond}, func(b bubble) {
		client := mijnhost.NewClient(b.options(), testKey)
		results := make(chan error)
		for range 50 {
			go func() { _, err := client.Records(b.Context(), "example.nl"); results <- err }()
		}
		for range 50 {
			b.must(<-results)
		}
		if got := b.api.MaxInFlight(); got != 8 {
			b.Errorf("got %d calls in flight, want 8", got)
		}
	})
}

func TestError_ContainsNoKey(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(401, "The key "+testKey+" has expired")})
		err := b.add("value")
		if err == nil {
			b.Fatal("want an error")
		}
		text, _ := json.Marshal(err)
		wantNoKey(t, err.Error(), string(text))
	})
}
