package mijnhost_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// in runs one call with the solver's deadline.
func (b bubble) in(call func(ctx context.Context) error) error {
	ctx, cancel := callContext(b.Context())
	defer cancel()
	return call(ctx)
}

// valuesIn returns the values under a domain's own challenge name.
func (b bubble) valuesIn(domain string) string {
	var values []string
	for _, r := range b.api.Records(domain) {
		if r.Type == "TXT" && strings.HasPrefix(r.Name, "_acme-challenge.") {
			values = append(values, strings.TrimRight(r.Value, "_"))
		}
	}
	return strings.Join(values, " ")
}

// The resolved zone can contain several domains of the account, such as a top-level domain whose nameservers do not answer.
func TestPresent_TopLevelDomainAsZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"nl.", "co.uk."} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				one, other := "one."+strings.TrimSuffix(zone, "."), "other."+strings.TrimSuffix(zone, ".")
				below := "below." + one
				b.api.AddAccount(testKey, one, other, below)
				for _, domain := range []string{one, other, below} {
					fqdn := "_acme-challenge." + domain + "."
					b.must(b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, zone, fqdn, "for-"+domain) }))
					if got := b.valuesIn(domain); got != "for-"+domain {
						b.Errorf("%s: got %q", domain, got)
					}
					b.must(b.in(func(ctx context.Context) error { return cleanUp(ctx, b.Provider, zone, fqdn, "for-"+domain) }))
					if got := b.valuesIn(domain); got != "" {
						b.Errorf("%s: got %q left behind", domain, got)
					}
				}
			})
		})
	}
}

func TestPresent_DomainAddedToAccount(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		const domain, fqdn = "sub.example.nl", "_acme-challenge.sub.example.nl."
		add := func(value string) error {
			return b.in(func(ctx context.Context) error { return present(ctx, b.Provider, testKey, domain+".", fqdn, value) })
		}
		b.must(add("before"))
		b.api.AddAccount(testKey, domain)
		time.Sleep(10 * time.Minute)
		b.must(add("after"))
		if got := b.valuesIn(domain); got != "after" {
			b.Errorf("%s: got %q", domain, got)
		}
	})
}

// Callers that share a read do not depend on the deadline of the first.
func TestPresent_SharedReadCallerGivesUp(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{Latency: 2 * time.Second}, func(b bubble) {
		go func() {
			ctx, cancel := context.WithTimeout(b.Context(), time.Second)
			defer cancel()
			_ = present(ctx, b.Provider, testKey, testZone, "_acme-challenge.hasty.example.nl.", "value")
		}()
		time.Sleep(100 * time.Millisecond)
		b.must(b.add("value"))
	})
}
