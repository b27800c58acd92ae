package mijnhostcheck_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/checktest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const (
	testKey  = "key-of-the-account"
	domain   = "example.nl"
	ns1, ns2 = "ns1.mijn.host", "ns2.mijn.host"
	addr1    = "192.0.2.1"
	addr2    = "192.0.2.2"
)

// others returns records of other clients.
func others() []mijnhosttest.Record {
	return []mijnhosttest.Record{
		{Type: "A", Name: "example.nl.", Value: "192.0.2.10", TTL: 3600},
		{Type: "MX", Name: "example.nl.", Value: "10 mail.example.nl.", TTL: 3600},
		{Type: "TXT", Name: "example.nl.", Value: "v=spf1 mx -all", TTL: 3600},
		{Type: "TXT", Name: "_acme-challenge.example.nl.", Value: "of-a-challenge", TTL: 60},
		{Type: "CNAME", Name: "WWW.example.nl.", Value: "example.nl.", TTL: 900},
		{Type: "TXT", Name: "unusual", Value: `"quoted"`, TTL: 60},
	}
}

// world is the environment of a check in virtual time: the API over pipes, DNS as functions.
type world struct {
	*testing.T
	api *mijnhosttest.Server
	dns *namesystem
}

// inBubble runs test with an account that has example.nl, delegated to two nameservers.
func inBubble(t *testing.T, readings mijnhosttest.Options, test func(world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		api := mijnhosttest.StartInMemory(t, readings)
		api.AddAccount(testKey, domain)
		api.SetRecords(domain, others())
		api.AddStaticZone("mijn.host",
			mijnhosttest.Record{Type: "A", Name: ns1 + ".", Value: addr1, TTL: 60},
			mijnhosttest.Record{Type: "A", Name: ns2 + ".", Value: addr2, TTL: 60})
		test(world{t, api, newNamesystem(api)})
	})
}

// namesystem is the simulator's DNS with the changes of a test.
type namesystem struct {
	api *mijnhosttest.Server

	mu        sync.Mutex
	dead      map[string]error // by address of a nameserver
	resolver  error
	delegated map[string][]string // overrides of the parent zone's NS records
	ask       func(nameserver string, query *dns.Msg) *dns.Msg
}

func newNamesystem(api *mijnhosttest.Server) *namesystem {
	return &namesystem{api: api, dead: map[string]error{}, delegated: map[string][]string{}}
}

// kill makes the nameserver at an address fail.
func (n *namesystem) kill(address string, fault error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead[address] = fault
}

func (n *namesystem) Resolve(_ context.Context, query check.Query) (*check.Answer, error) {
	if n.resolver != nil {
		return nil, n.resolver
	}
	return checktest.OnTheWire(query, n.api.Answer)
}

func (n *namesystem) Ask(_ context.Context, nameserver netip.Addr, query check.Query) (*check.Answer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.dead[nameserver.String()]; err != nil {
		return nil, err
	}
	return checktest.OnTheWire(query, func(query *dns.Msg) *dns.Msg { return n.asNameserver(nameserver.String(), query) })
}

func (n *namesystem) asNameserver(nameserver string, query *dns.Msg) *dns.Msg {
	q := query.Question[0]
	if names, ok := n.delegated[q.Name]; ok && q.Qtype == dns.TypeNS {
		m := new(dns.Msg).SetReply(query)
		for _, name := range names {
			m.Ns = append(m.Ns, &dns.NS{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: name + "."})
		}
		return m
	}
	if n.ask != nil {
		if m := n.ask(nameserver, query); m != nil {
			return m
		}
	}
	return n.api.Answer(query)
}

// noKey is a keysource.Source without a key.
type noKey struct{ err error }

func (noKey) Origin() string                        { return "the test" }
func (k noKey) Key(context.Context) (string, error) { return "", k.err }

func (w world) options() check.Options {
	return check.Options{
		Name:    domain,
		Key:     checktest.Key(testKey),
		Host:    &mijnhostcheck.Host{API: mijnhost.Options{BaseURL: w.api.URL(), UserAgent: "test/1", Transport: w.api.HTTPTransport()}},
		DNS:     w.dns,
		CA:      "letsencrypt.org",
		TTL:     60,
		Timeout: 3 * time.Minute,
		Version: "v0.0.0-test",
	}
}

// run runs a check and requires that the zone is unchanged and that the report does not contain the key.
func (w world) run(change ...func(*check.Options)) *check.Result {
	w.Helper()
	return w.runIn(w.Context(), change...)
}

func (w world) runIn(ctx context.Context, change ...func(*check.Options)) *check.Result {
	w.Helper()
	before := w.api.Records(domain)
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	r, err := check.Run(ctx, o)
	if err != nil {
		w.Fatal(err)
	}
	if after := w.api.Records(domain); !slices.Equal(after, before) && r.LeftBehind == "" {
		w.Errorf("zone changed:\n got %v\nwant %v", after, before)
	}
	w.wantOnlyProbeTouched()
	checktest.WantNoStepAfterFailure(w.T, r)
	read, _ := checktest.StepOf(r, check.StepRead)
	if b := measured(r); b != nil && (b.Reads.SettledAfter != nil) != (read.Status == check.OK) {
		w.Errorf("got reads %+v in\n%s", b.Reads, checktest.Text(w.T, r))
	}
	text := checktest.Text(w.T, r)
	for _, secret := range []string{testKey, addr1, addr2} {
		if strings.Contains(text, secret) {
			w.Errorf("report contains %s:\n%s", secret, text)
		}
	}
	return r
}

// onRemoving returns an OnProgress that calls announced when the check says that it removes the probe record.
func onRemoving(announced func()) func(string) {
	return func(words string) {
		if words == "Removing the probe record." {
			announced()
		}
	}
}

// patchedName matches the probe's name in a PATCH: absolute, or relative to the domain.
var patchedName = regexp.MustCompile(`"name":"_mijn-host-webhook-check-\w+(\.[\w.-]+\.)?"`)

// wantOnlyProbeTouched requires that all writes have the probe's name.
func (w world) wantOnlyProbeTouched() {
	w.Helper()
	for _, r := range w.api.Requests() {
		if r.Method != http.MethodGet && !strings.Contains(string(r.Body), `"name":"_mijn-host-webhook-check-`) ||
			r.Method == http.MethodPatch && !patchedName.Match(r.Body) {
			w.Errorf("got %s %s of %s", r.Method, r.Path, r.Body)
		}
	}
}

// measured returns the measurement of the API, or nil.
func measured(r *check.Result) *mijnhostcheck.Behaviour {
	b, _ := r.API.(*mijnhostcheck.Behaviour)
	return b
}

// timeout returns the error of a query without answer.
func timeout() error { return fmt.Errorf("read udp 10.0.0.1:4242: %w", os.ErrDeadlineExceeded) }
