package realtimeregistercheck_test

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistercheck"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

const (
	testKey = "key-of-the-account"
	domain  = "example.nl"
	value   = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
)

// others returns records of other clients.
func others() []string {
	return []string{
		sim.PrioRecord("example.nl", "MX", "mail.example.nl", 3600, 0),
		sim.Record("www.example.nl", "A", "192.0.2.10", 3600),
		sim.Record("example.nl", "TXT", "v=spf1 mx -all", 3600),
	}
}

// world is the environment of a check in virtual time: the API over pipes, DNS as functions, and a cluster with Leases.
type world struct {
	*testing.T
	api     *sim.Server
	cluster *leasetest.Cluster
	zone    int

	resolver *resolver
}

// resolver holds a test's changes to the resolver and to nameservers.
type resolver struct {
	answer func(*dns.Msg) *dns.Msg // nil: the simulator's answer
	ask    func(nameserver netip.Addr) error
}

func inBubble(t *testing.T, readings sim.Options, zone sim.Zone, test func(world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := world{T: t, api: sim.StartInMemory(t, readings), cluster: leasetest.StartInMemory(t), resolver: &resolver{}}
		w.api.AddAccount("reseller", testKey)
		zone.Name = domain
		if zone.Records == nil {
			zone.Records = others()
		}
		w.zone = w.api.AddZone("reseller", zone)
		test(w)
	})
}

// Resolve and Ask return the simulator's DNS answer, encoded.
func (w world) Resolve(_ context.Context, query check.Query) (*check.Answer, error) {
	return checktest.OnTheWire(query, func(m *dns.Msg) *dns.Msg {
		if w.resolver.answer != nil {
			if a := w.resolver.answer(m); a != nil {
				return a
			}
		}
		return w.api.Answer(m)
	})
}

func (w world) Ask(_ context.Context, nameserver netip.Addr, query check.Query) (*check.Answer, error) {
	if w.resolver.ask != nil {
		if err := w.resolver.ask(nameserver); err != nil {
			return nil, err
		}
	}
	return checktest.OnTheWire(query, w.api.Answer)
}

// declaring declares each probe's name to the simulator as ours.
type declaring struct {
	http.RoundTripper
	api *sim.Server
}

var probeName = regexp.MustCompile(`"_mijn-host-webhook-check-\w+\.example\.nl"`)

func (d declaring) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		sent, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		for _, name := range probeName.FindAll(sent, -1) {
			d.api.DeclareChallenge(strings.Trim(string(name), `"`) + ".")
		}
	}
	return d.RoundTripper.RoundTrip(r)
}

func (w world) host() *realtimeregistercheck.Host {
	return &realtimeregistercheck.Host{
		API: realtimeregister.Options{BaseURL: w.api.URL(), UserAgent: "test/1", Transport: declaring{w.api.HTTPTransport(), w.api}},
	}
}

// run runs a check and requires that the zone is unchanged and that the report does not contain the key.
func (w world) run(change ...func(*check.Options)) *check.Result {
	w.Helper()
	return w.runIn(w.Context(), change...)
}

func (w world) runIn(ctx context.Context, change ...func(*check.Options)) *check.Result {
	w.Helper()
	before := w.api.Records(w.zone)
	o := w.options(change...)
	r, err := check.Run(ctx, o)
	if err != nil {
		w.Fatal(err)
	}
	after := w.api.Records(w.zone)
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(after, before) && r.LeftBehind == "" {
		w.Errorf("zone changed:\n got %v\nwant %v", after, before)
	}
	if !o.Write {
		w.wantNothingWritten()
	}
	checktest.WantNoStepAfterFailure(w.T, r)
	if strings.Contains(checktest.Text(w.T, r), testKey) {
		w.Errorf("report contains the key:\n%s", checktest.Text(w.T, r))
	}
	if r.APICalls != int64(len(w.api.Requests())) {
		w.Errorf("got %d calls in the report, want %d", r.APICalls, len(w.api.Requests()))
	}
	return r
}

func (w world) options(change ...func(*check.Options)) check.Options {
	o := check.Options{
		Name: domain, Key: checktest.Key(testKey), Host: w.host(), DNS: w, CA: "letsencrypt.org", TTL: 60, Timeout: 3 * time.Minute, Version: "v0.0.0-test",
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func (w world) wantNothingWritten() {
	w.Helper()
	for _, r := range w.api.Requests() {
		if r.Op == sim.OpUpdateZone {
			w.Error("update sent")
		}
	}
}

func write(o *check.Options) { o.Write = true }

// withLeases returns options with the namespace of the webhook's Leases.
func (w world) withLeases(o *check.Options) {
	o.Write = true
	h := w.host()
	h.LeaseNamespace = "webhook"
	o.Host = h
	o.Cluster = func() (*rest.Config, error) { return w.cluster.Config(nil), nil }
}

// beforeRead calls change before each read of a zone by its ID.
type beforeRead struct {
	http.RoundTripper
	change func()
}

func (b beforeRead) RoundTrip(r *http.Request) (*http.Response, error) {
	if id, err := strconv.Atoi(path.Base(r.URL.Path)); err == nil && id > 0 && r.Method == http.MethodGet {
		b.change()
	}
	return b.RoundTripper.RoundTrip(r)
}
