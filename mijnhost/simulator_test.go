package mijnhost_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const (
	testKey   = "key-of-the-account"
	testZone  = "example.nl."
	testName  = "_acme-challenge.example.nl."
	callLimit = 25 * time.Second
)

// others returns records that no test may change.
func others() []mijnhosttest.Record {
	return []mijnhosttest.Record{
		{Type: "A", Name: "example.nl.", Value: "192.0.2.10", TTL: 3600},
		{Type: "MX", Name: "example.nl.", Value: "10 mail.example.nl.", TTL: 3600},
		{Type: "TXT", Name: "example.nl.", Value: "v=spf1 mx -all", TTL: 3600},
		{Type: "TXT", Name: "_acme-challenge.www.example.nl.", Value: "of-another-name", TTL: 60},
		{Type: "CNAME", Name: "WWW.example.nl.", Value: "example.nl.", TTL: 900},
	}
}

// bubble is one test in virtual time: the simulator in memory, and a provider that calls it over HTTP.
type bubble struct {
	*testing.T
	api     *mijnhosttest.Server
	cluster *cluster
	*mijnhost.Provider
}

// cluster holds the Challenges that are neither finished nor being deleted.
type cluster struct {
	mu     sync.Mutex
	owners map[string]string
	hidden bool  // the webhook may not list them
	fault  error // error of the API server
}

func newCluster() *cluster { return &cluster{owners: map[string]string{}} }

func (c *cluster) needed(context.Context) (dnshost.Needed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hidden {
		return dnshost.Needed{Unknown: true}, c.fault
	}
	return dnshost.Needed{Owners: maps.Clone(c.owners)}, c.fault
}

func (c *cluster) create(value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owners[padded(value)] = "default/" + value
}

func (c *cluster) finish(value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.owners, padded(value))
}

// padded pads a short name to the length of an ACME value.
func padded(name string) string { return name + strings.Repeat("_", max(0, 43-len(name))) }

// inBubble runs test against a simulator with one account that has example.nl.
func inBubble(t *testing.T, readings mijnhosttest.Options, test func(bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		api := mijnhosttest.StartInMemory(t, readings)
		api.AddAccount(testKey, "example.nl")
		api.SetRecords("example.nl", others())
		b := bubble{t, api, newCluster(), nil}
		b.Provider = b.newProvider()
		test(b)
	})
}

// newProvider returns another process: it shares only the API with the first.
func (b bubble) newProvider() *mijnhost.Provider {
	return mijnhost.NewProvider(b.options())
}

func (b bubble) options() mijnhost.Options {
	return mijnhost.Options{BaseURL: b.api.URL(), UserAgent: "test/1", Transport: b.api.HTTPTransport(), Needed: b.cluster.needed}
}

func callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callLimit)
}

// add and remove are calls for a Challenge of the cluster, with the solver's deadline.
func (b bubble) add(value string) error { return b.addBy(b.Provider, value) }

func (b bubble) remove(value string) error { return b.removeBy(b.Provider, value) }

func (b bubble) addBy(p *mijnhost.Provider, value string) error {
	b.cluster.create(value)
	return addTo(b.Context(), p, value)
}

func (b bubble) removeBy(p *mijnhost.Provider, value string) error {
	b.cluster.finish(value)
	return removeFrom(b.Context(), p, value)
}

func addTo(ctx context.Context, p *mijnhost.Provider, value string) error {
	ctx, cancel := callContext(ctx)
	defer cancel()
	return present(ctx, p, testKey, testZone, testName, value)
}

func removeFrom(ctx context.Context, p *mijnhost.Provider, value string) error {
	ctx, cancel := callContext(ctx)
	defer cancel()
	return cleanUp(ctx, p, testZone, testName, value)
}

func present(ctx context.Context, p *mijnhost.Provider, key, zone, fqdn, value string) error {
	_, err := p.Present(ctx, key, dnshost.TXT{Zone: zone, FQDN: fqdn, Value: padded(value), TTL: 60})
	return err
}

func cleanUp(ctx context.Context, p *mijnhost.Provider, zone, fqdn, value string) error {
	_, err := p.CleanUp(ctx, testKey, dnshost.TXT{Zone: zone, FQDN: fqdn, Value: padded(value)})
	return err
}

// values returns the stored values under the challenge's name.
func (b bubble) values() []string {
	values := []string{}
	for _, r := range b.api.Records("example.nl") {
		if r.Type == "TXT" && r.Name == testName {
			values = append(values, strings.TrimRight(r.Value, "_"))
		}
	}
	slices.Sort(values)
	return values
}

func (b bubble) wantValues(want ...string) {
	b.Helper()
	slices.Sort(want)
	if got := b.values(); !slices.Equal(got, want) {
		b.Errorf("values under %s: got %q, want %q", testName, got, want)
	}
}

// wantOthersUntouched verifies the first promise: all other records are byte for byte unchanged.
func (b bubble) wantOthersUntouched() {
	b.Helper()
	b.wantOthersUntouchedBut("")
}

// wantOthersUntouchedBut ignores one more challenge's name.
func (b bubble) wantOthersUntouchedBut(name string) {
	b.Helper()
	var rest []mijnhosttest.Record
	for _, r := range b.api.Records("example.nl") {
		if r.Type != "NS" && r.Type != "SOA" && r.Name != testName && r.Name != name {
			rest = append(rest, r)
		}
	}
	if !slices.Equal(rest, others()) {
		b.Errorf("records of others changed:\n got %v\nwant %v", rest, others())
	}
}

func (b bubble) wantCalls(want ...mijnhosttest.Operation) {
	b.Helper()
	var got []mijnhosttest.Operation
	for _, r := range b.api.Requests() {
		got = append(got, r.Op)
	}
	if !slices.Equal(got, want) {
		b.Errorf("calls: got %q, want %q", got, want)
	}
}

func (b bubble) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("unexpected error: %v", err)
	}
}

// wantNoKey fails the test if a text contains the API key.
func wantNoKey(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, testKey) {
			t.Errorf("%q contains the key", text)
		}
	}
}
