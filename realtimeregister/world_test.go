package realtimeregister_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

const (
	testKey   = "key-of-the-account"
	testZone  = "example.nl."
	testName  = "_acme-challenge.example.nl."
	callLimit = 25 * time.Second
)

// others returns records of another client, in forms that a lossy client would change: unknown fields, numbers,
// escapes, white space.
func others() []string {
	return []string{
		`{"name":"example.nl","type":"MX","content":"mail.example.nl","ttl":3e2,"prio":0}`,
		`{ "name": "www.example.nl", "type":"A", "content":"192.0.2.1", "ttl":300.0, "note": {"by":"J\u00f6rg <x> & co","big":12345678901234567890} }`,
		sim.Record("example.nl", "TXT", "v=spf1 -all", 3600),
		sim.Record("example.nl", "TXT", `a "quoted" \ text`, 3600),
		sim.Record("_acme-challenge.other.example.nl", "TXT", "of-another-name", 60),
	}
}

// world is one test: the simulator, a cluster for Leases, and a process that uses both.
type world struct {
	*testing.T
	api     *sim.Server
	cluster *leasetest.Cluster
	zone    int
	*process
}

// process is one replica of the webhook.
type process struct {
	*realtimeregister.Provider
	id   string
	dead *atomic.Bool
}

// inBubble runs test in virtual time, with one account that has example.nl.
func inBubble(t *testing.T, readings sim.Options, test func(world)) {
	t.Helper()
	inBubbleWith(t, readings, sim.Zone{Name: "example.nl", Records: others()}, test)
}

func inBubbleWith(t *testing.T, readings sim.Options, zone sim.Zone, test func(world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if readings.Reader == nil {
			readings.Reader = func(r sim.Request) string { return r.Header.Get("User-Agent") }
		}
		w := world{T: t, api: sim.StartInMemory(t, readings), cluster: leasetest.StartInMemory(t)}
		w.api.AddAccount("reseller", testKey)
		w.zone = w.api.AddZone("reseller", zone)
		w.api.DeclareChallenge(testName)
		w.process = w.newProcess("one")
		test(w)
	})
}

// mortal sends the requests of a process until the process is dead. Requests sent before that still arrive.
type mortal struct {
	http.RoundTripper
	dead *atomic.Bool
}

var errDead = errors.New("the process is dead")

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	resp, err := m.RoundTripper.RoundTrip(r)
	if m.dead.Load() {
		if err == nil {
			_ = resp.Body.Close()
		}
		return nil, errDead
	}
	return resp, err
}

// newProcess returns another process: it shares only the API and the cluster with the first.
func (w world) newProcess(id string, change ...func(*realtimeregister.Options)) *process {
	w.Helper()
	return startProcess(w, w.api, w.cluster, id, change...)
}

func startProcess(tb hosttest.TB, api *sim.Server, cluster *leasetest.Cluster, id string, change ...func(*realtimeregister.Options)) *process {
	tb.Helper()
	p := &process{id: id, dead: &atomic.Bool{}}
	leases := kubelease.New("webhook")
	if err := leases.Connect(cluster.Config(func(next http.RoundTripper) http.RoundTripper { return mortal{next, p.dead} })); err != nil {
		tb.Fatalf("%v", err)
	}
	o := realtimeregister.Options{
		BaseURL: api.URL(), UserAgent: id, Transport: mortal{api.HTTPTransport(), p.dead}, Leases: leases,
	}
	for _, c := range change {
		c(&o)
	}
	p.Provider = realtimeregister.NewProvider(o)
	return p
}

func txt(fqdn, value string) dnshost.TXT {
	return dnshost.TXT{Zone: testZone, FQDN: fqdn, Value: value}
}

// present and cleanUp are single calls with the solver's deadline.
func (p *process) present(ctx context.Context, r dnshost.TXT) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_, err := p.Present(ctx, testKey, r)
	return err
}

func (p *process) cleanUp(ctx context.Context, r dnshost.TXT) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_, err := p.CleanUp(ctx, testKey, r)
	return err
}

func (w world) add(value string) error    { return w.present(w.Context(), txt(testName, value)) }
func (w world) remove(value string) error { return w.cleanUp(w.Context(), txt(testName, value)) }

// acme returns a value in the form of an ACME challenge.
func acme(i int) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(i)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// retry retries a call as cert-manager does: after a pause that doubles.
func retry(do func() error, times int) error {
	err := do()
	for wait := 5 * time.Second; err != nil && times > 1; times-- {
		time.Sleep(wait)
		wait *= 2
		err = do()
	}
	return err
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v", err)
	}
}

func (w world) wantError(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

func (w world) wantValues(want ...string) {
	w.Helper()
	slices.Sort(want)
	if got := w.api.TXTValues(w.zone, testName); !slices.Equal(got, want) {
		w.Errorf("values under %s: got %q, want %q", testName, got, want)
	}
}

// wantOthersUntouched verifies the first promise: all other records are byte for byte unchanged, in any order.
func (w world) wantOthersUntouched() {
	w.Helper()
	w.wantOthers(others()...)
}

func (w world) wantOthers(want ...string) {
	w.Helper()
	var rest []string
	for _, r := range w.api.Records(w.zone) {
		if !strings.Contains(r, `"`+strings.TrimSuffix(testName, ".")+`"`) {
			rest = append(rest, r)
		}
	}
	slices.Sort(rest)
	slices.Sort(want)
	if !slices.Equal(rest, want) {
		w.Errorf("records of others changed:\n got %s\nwant %s", strings.Join(rest, "\n     "), strings.Join(want, "\n     "))
	}
}

func (w world) wantCalls(want ...sim.Operation) {
	w.Helper()
	var got []sim.Operation
	for _, r := range w.api.Requests() {
		got = append(got, r.Op)
	}
	if !slices.Equal(got, want) {
		w.Errorf("calls: got %q, want %q", got, want)
	}
}

// atOnce runs do for 0 to n-1 concurrently, and returns any error.
func atOnce(n int, do func(int) error) error {
	var all errgroup.Group
	for i := range n {
		all.Go(func() error { return do(i) })
	}
	return all.Wait()
}

// alteredLeases alters each Lease that is acquired.
type alteredLeases struct {
	realtimeregister.Leases
	alter func(keylock.Lease) keylock.Lease
}

func (a alteredLeases) Acquire(ctx context.Context, key string) (keylock.Lease, error) {
	lease, err := a.Leases.Acquire(ctx, key)
	return a.alter(lease), err
}

// sleepy returns Leases whose holder sleeps right after a renewal.
func sleepy(leases realtimeregister.Leases, nap time.Duration) alteredLeases {
	return alteredLeases{leases, func(l keylock.Lease) keylock.Lease { return sleeper{l, nap} }}
}

type sleeper struct {
	keylock.Lease
	nap time.Duration
}

func (s sleeper) Renew(ctx context.Context, notes string) error {
	err := s.Lease.Renew(ctx, notes)
	time.Sleep(s.nap)
	return err
}
