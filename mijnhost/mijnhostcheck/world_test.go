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
	wantNoStepAfterFailure(w.T, r)
	text := textOf(w.T, r)
	for _, secret := range []string{testKey, addr1, addr2} {
		if strings.Contains(text, secret) {
			w.Errorf("report contains %s:\n%s", secret, text)
		}
	}
	return r
}

// written is the name in a PATCH: absolute, or relative to the domain.
var written = regexp.MustCompile(`"name":"_mijn-host-webhook-check-\w+(\.[\w.-]+\.)?"`)

// wantOnlyProbeTouched requires that all writes have the probe's name.
func (w world) wantOnlyProbeTouched() {
	w.Helper()
	for _, r := range w.api.Requests() {
		if r.Method != http.MethodGet && !strings.Contains(string(r.Body), `"name":"_mijn-host-webhook-check-`) ||
			r.Method == http.MethodPatch && !written.Match(r.Body) {
			w.Errorf("got %s %s of %s", r.Method, r.Path, r.Body)
		}
	}
}

// measured returns the measurement of the API, or nil.
func measured(r *check.Result) *mijnhostcheck.Behaviour {
	b, _ := r.API.(*mijnhostcheck.Behaviour)
	return b
}

func textOf(t *testing.T, r *check.Result) string {
	t.Helper()
	var b strings.Builder
	text := check.NewText(&b)
	for _, s := range r.Steps {
		text.Step(s)
	}
	text.Conclusion(r)
	text.Origin(r.Version, r.Commit, r.APICalls)
	if err := text.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func stepOf(r *check.Result, id check.StepID) (check.Step, bool) {
	i := slices.IndexFunc(r.Steps, func(s check.Step) bool { return s.ID == id })
	if i < 0 {
		return check.Step{}, false
	}
	return r.Steps[i], true
}

// wantStep checks the status of a step, and that its lines contain words.
func wantStep(t *testing.T, r *check.Result, id check.StepID, status check.Status, words ...string) {
	t.Helper()
	s, ok := stepOf(r, id)
	if !ok || s.Status != status {
		t.Errorf("step %s: got %q, want %q in\n%s", id, s.Status, status, textOf(t, r))
	}
	for _, word := range words {
		if !strings.Contains(s.Summary+"\n"+s.Remedy, word) {
			t.Errorf("step %s lacks %q:\n%s\n%s", id, word, s.Summary, s.Remedy)
		}
	}
	if status == check.Problem && s.Remedy == "" {
		t.Errorf("step %s has no remedy: %s", id, s.Summary)
	}
}

// wantNoStepAfterFailure requires that no step occurs twice, or uses what an earlier step failed to read or write, and that a time
// was measured only if reads showed the record.
func wantNoStepAfterFailure(t *testing.T, r *check.Result) {
	t.Helper()
	needs := map[check.StepID]check.StepID{
		check.StepDomain: check.StepKey, check.StepValues: check.StepManaged, check.StepWrite: check.StepManaged,
		check.StepRead: check.StepWrite, check.StepNameservers: check.StepRead,
	}
	status := map[check.StepID]check.Status{}
	for _, s := range r.Steps {
		if _, twice := status[s.ID]; twice || status[needs[s.ID]] != "" && status[needs[s.ID]] != check.OK {
			t.Errorf("unexpected step %s in\n%s", s.ID, textOf(t, r))
		}
		status[s.ID] = s.Status
	}
	if b := measured(r); b != nil && (b.Reads.SettledAfter != nil) != (status[check.StepRead] == check.OK) {
		t.Errorf("got reads %+v in\n%s", b.Reads, textOf(t, r))
	}
}

func wantOutcome(t *testing.T, r *check.Result, want check.Outcome) {
	t.Helper()
	if r.Outcome != want {
		t.Errorf("got outcome %q, want %q in\n%s", r.Outcome, want, textOf(t, r))
	}
}

// timeout returns the error of a query without answer.
func timeout() error { return fmt.Errorf("read udp 10.0.0.1:4242: %w", os.ErrDeadlineExceeded) }
