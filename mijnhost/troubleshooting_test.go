package mijnhost_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/troubleshootingtest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// The guide and the code have the same messages about mijn.host, word for word. The solver's messages are in its own test.
func TestTroubleshooting_Messages(t *testing.T) {
	t.Parallel()
	found := troubleshootingtest.Quotes(t, "The webhook says of mijn.host")
	var seen []string
	for name, spoil := range map[string]func(bubble) error{
		"key refused":       func(b bubble) error { b.api.RevokeKey(testKey); return b.add("value") },
		"no domain":         func(b bubble) error { b.api.RemoveDomain("example.nl"); return b.add("value") },
		"DNS elsewhere":     func(b bubble) error { b.api.SetDNSElsewhere("example.nl"); return b.add("value") },
		"rate-limited":      failing(mijnhosttest.RateLimited(nil)),
		"500":               failing(mijnhosttest.StatusMessage(500, "Internal server error")),
		"HTML page":         failing(mijnhosttest.HTMLPage(502)),
		"hang":              failing(mijnhosttest.Hang()),
		"refused":           unreached(syscall.ECONNREFUSED),
		"no such host":      unreached(&net.DNSError{Name: "mijn.host"}),
		"unknown authority": unreached(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
		"name in use": func(b bubble) error {
			b.must(b.add("another"))
			return b.add("value")
		},
		"foreign TXT record": func(b bubble) error {
			b.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: testName, Value: "v=spf1 mx -all", TTL: 60})
			return b.add("value")
		},
		"address not allowed":         notAllowed(""),
		"address not allowed, whoami": notAllowed(`{"ip":"203.0.113.9"}`),
		"queue full": func(b bubble) error {
			b.api.Reconfigure(func(o *mijnhosttest.Options) { o.Latency = 4 * time.Second })
			return atOnce(jobsIn(1, 60), func(_ int, j job) error {
				err := b.in(func(ctx context.Context) error {
					return present(ctx, b.Provider, testKey, testZone, strings.Replace(j.fqdn, "zone-0", "example", 1), j.value)
				})
				if err != nil && strings.Contains(err.Error(), "timed out") {
					return nil // it got a turn, too late
				}
				return err
			})
		},
		"record not shown yet": func(b bubble) error {
			b.api.Inject(mijnhosttest.Fault{Op: patch, Kind: mijnhosttest.Status(500), Until: time.Minute})
			_ = b.add("value")
			return b.remove("value")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				err := spoil(b)
				if err == nil || !slices.Contains(found, err.Error()) {
					b.Fatalf("docs/guides/troubleshooting.md lacks %q", err)
				}
				seen = append(seen, err.Error())
			})
		})
	}
	for _, message := range found {
		if !slices.Contains(seen, message) {
			t.Errorf("docs/guides/troubleshooting.md has %q, which no case here produces", message)
		}
	}
}

func failing(fault mijnhosttest.Kind) func(bubble) error {
	return func(b bubble) error {
		b.api.Inject(mijnhosttest.Fault{Kind: fault})
		return b.add("value")
	}
}

// notAllowed makes the key's allow-list reject all calls except GET /whoami.
func notAllowed(whoAmI string) func(bubble) error {
	return func(b bubble) error {
		b.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(401, "Remote IP address is not found in the API key whitelist")})
		o := b.options()
		send := o.Transport
		o.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if whoAmI == "" || !strings.HasSuffix(r.URL.Path, "/whoami") {
				return send.RoundTrip(r)
			}
			body := io.NopCloser(strings.NewReader(`{"status":200,"status_description":"OK","data":` + whoAmI + `}`))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}, nil
		})
		return addTo(b.Context(), mijnhost.NewProvider(o), "value")
	}
}

// unreached makes every connection fail.
func unreached(cause error) func(bubble) error {
	return func(b bubble) error {
		o := b.options()
		o.Transport = transport(func(*http.Request) (*http.Response, error) { return nil, cause })
		return addTo(b.Context(), mijnhost.NewProvider(o), "value")
	}
}

type transport func(*http.Request) (*http.Response, error)

func (send transport) RoundTrip(r *http.Request) (*http.Response, error) { return send(r) }
