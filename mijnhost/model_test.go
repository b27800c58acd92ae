package mijnhost_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// TestNoRecordIsHarmed plays random lives of a zone: challenges by one or more processes, other writers, faults and
// stale reads, with a random reading of the API's unknowns. It verifies that
//
//   - no record that the webhook did not create ever changes or disappears;
//   - every value reported as presented is in the zone until its clean-up starts;
//   - after the last clean-up, the zones are byte for byte as the other writers left them;
//   - no call of the webhook takes more than mostCalls calls of the API, or more than its time limit.
//
// The account has two keys, which rotate, and two domains, in which PATCH can behave differently. Where PATCH adds, the
// webhook can be configured accordingly.
//
// The exception in docs/explanation/guarantees.md applies only where PATCH replaces: a leftover under the challenge's
// own name, which is not a value of the cluster's Challenges, may be replaced, and is counted.
func TestNoRecordIsHarmed(t *testing.T) {
	rapid.Check(t, inVirtualTime(zoneLife))
}

// FuzzNoRecordIsHarmed looks for such lives by coverage. Its seeds are whole lives: inputs that Go grows from nothing end
// before the first call of the API.
func FuzzNoRecordIsHarmed(f *testing.F) {
	for seed := range byte(4) {
		life := make([]byte, 8<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(life) // never fails
		f.Add(life)
	}
	f.Fuzz(rapid.MakeFuzz(inVirtualTime(zoneLife)))
}

func inVirtualTime(property func(*rapid.T)) func(*rapid.T) {
	return func(t *rapid.T) { rapid.SyncTest(t, property) }
}

func zoneLife(t *rapid.T) {
	m := newModel(t)
	t.Repeat(map[string]func(*rapid.T){
		"present":    m.present,
		"cleanUp":    m.cleanUp,
		"restart":    m.restart,
		"rotate":     m.rotate,
		"others add": m.othersAdd,
		"others del": m.othersDelete,
		"fault":      m.fault,
		"time":       m.passTime,
		"":           m.check,
	})
	m.end()
}

// model is the expected state of the zone.
type model struct {
	*rapid.T
	api       *mijnhosttest.Server
	cluster   *cluster
	transport *http.Transport
	processes []*mijnhost.Provider
	patchAdds []string // domains of Options.PatchAdds
	keys      []string // the valid keys

	// others are the records of other writers, in order. Those under a challenge's name are separate, because a PATCH
	// that replaces may remove them.
	others    []mijnhosttest.Record
	leftOvers []mijnhosttest.Record

	challenges []*challenge
	serial     int
	restarted  bool
}

// challenge is the state of one challenge.
type challenge struct {
	domain, fqdn, value string
	presented           bool // success was reported, and the clean-up has not started
}

// The names of challenges. The second domain has one, and records of its own that never change.
const otherDomain, otherName = "other.nl", "_acme-challenge.other.nl."

func newModel(t *rapid.T) *model {
	m := &model{T: t, cluster: newCluster(), keys: []string{testKey, secondKey}}
	o := rapid.SampledFrom(slices.Collect(mijnhosttest.EveryReading())).Draw(t, "reading")
	o.DeleteOneCopy = rapid.Bool().Draw(t, "one copy")
	switch rapid.SampledFrom([]string{"fresh", "stale", "jitter", "short", "empty"}).Draw(t, "reads") {
	case "stale":
		o.StaleReads = rapid.SampledFrom([]time.Duration{time.Second, 8 * time.Second, 25 * time.Second}).Draw(t, "stale for")
	case "jitter":
		o.StaleReads, o.ReplicaJitter = 5*time.Second, true
	case "short":
		o.ShortAfterWrite = 4 * time.Second
	case "empty":
		o.EmptyAfterWrite = 4 * time.Second
	}
	if lag := o.StaleReads + o.ShortAfterWrite + o.EmptyAfterWrite; lag > 0 && o.PatchSame == mijnhosttest.PatchSameDuplicates {
		o.PatchSame = mijnhosttest.PatchSameKeeps // a duplicate that no read shows can stay: docs/explanation/guarantees.md
	}
	o.PatchOf = map[string]mijnhosttest.PatchReading{
		otherDomain: rapid.SampledFrom([]mijnhosttest.PatchReading{mijnhosttest.PatchAdds, mijnhosttest.PatchReplaces}).Draw(t, "PATCH in the other domain"),
	}
	for domain, reading := range map[string]mijnhosttest.PatchReading{"example.nl": o.Patch, otherDomain: o.PatchOf[otherDomain]} {
		if reading == mijnhosttest.PatchAdds {
			m.patchAdds = append(m.patchAdds, domain)
		}
	}
	slices.Sort(m.patchAdds)
	if len(m.patchAdds) > 0 && rapid.Bool().Draw(t, "undeclared") {
		m.patchAdds = m.patchAdds[1:]
	}
	o.OmitManagedDNS = rapid.Bool().Draw(t, "no managed_dns")
	m.api = mijnhosttest.StartInMemory(t, o)
	for _, key := range m.keys {
		m.api.AddAccount(key, "example.nl", otherDomain)
	}
	m.api.SetRecords(otherDomain, hosts(otherDomain, 3))
	m.others = zone(t)
	m.api.SetRecords("example.nl", m.others)
	m.transport = m.api.HTTPTransport()
	for range rapid.IntRange(1, 3).Draw(t, "processes") {
		m.processes = append(m.processes, m.newProcess())
	}
	return m
}

// inTurn reports whether challenges of one DNS name are sequential, as cert-manager does. One process does not need
// this, nor do several if PATCH adds. With CNAMEs to one name, a Lease serializes instead.
func (m *model) inTurn(domain string) bool {
	o := m.api.Options()
	reading := o.Patch
	if domain == otherDomain {
		reading = o.PatchOf[otherDomain]
	}
	return reading == mijnhosttest.PatchReplaces && (len(m.processes) > 1 || m.restarted)
}

func (m *model) newProcess() *mijnhost.Provider {
	return mijnhost.NewProvider(mijnhost.Options{BaseURL: m.api.URL(), Transport: m.transport, Needed: m.cluster.needed, PatchAdds: m.patchAdds})
}

// zone returns the initial records: a few odd ones, and sometimes up to 1,000, of which only the number is random.
func zone(t *rapid.T) []mijnhosttest.Record {
	records := rapid.SliceOfN(rapid.Custom(foreignRecord), 0, fewRecords).Draw(t, "zone")
	if rapid.IntRange(0, 15).Draw(t, "size") == 15 {
		records = append(records, hosts("example.nl", rapid.IntRange(1, mostRecords-fewRecords).Draw(t, "more records"))...)
	}
	return records
}

const fewRecords, mostRecords = 12, 1000

// foreignRecord returns a record of another client: any type, odd names, quotes, UTF-8.
func foreignRecord(t *rapid.T) mijnhosttest.Record {
	name := rapid.SampledFrom([]string{
		"example.nl.", "www.example.nl.", "WWW.Example.nl.", "*.example.nl.", "mail", "@", "_dmarc.example.nl.", "_acme-challenge.other.example.nl.",
		"bücher.example.nl.", "_sip._tcp.example.nl.", "example.nl", `a\.b.example.nl.`,
	})
	value := rapid.OneOf(
		rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "10 mail.example.nl.", "v=spf1 mx -all", `"quoted"`, `"`, "", "value-1", "ünïcödé ☃", `0 issue "letsencrypt.org"`}),
		rapid.StringN(0, 40, 80),
	)
	return mijnhosttest.Record{
		Type:  rapid.SampledFrom([]string{"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "CAA", "NS", "TLSA", "SSHFP", "ALIAS"}).Draw(t, "type"),
		Name:  name.Draw(t, "name"),
		Value: value.Draw(t, "value"),
		TTL:   rapid.IntRange(0, 86400).Draw(t, "ttl"),
	}
}

func (m *model) process(t *rapid.T) *mijnhost.Provider {
	return rapid.SampledFrom(m.processes).Draw(t, "process")
}

// mostCalls limits one Present or CleanUp: two rounds of a read and a refused DELETE, a read, and the ten attempts of a
// call that always fails.
const mostCalls = 15

func (m *model) call(f func(ctx context.Context, key string) error, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	start, calls := time.Now(), m.api.Calls()
	err := f(ctx, key)
	if elapsed := time.Since(start); elapsed > callLimit {
		m.Fatalf("call took %s", elapsed)
	}
	if cost := m.api.Calls() - calls; cost > mostCalls {
		m.Fatalf("call made %d calls of the API, and returned %v", cost, err)
	}
	return err
}

func (m *model) key(t *rapid.T) string { return rapid.SampledFrom(m.keys).Draw(t, "key") }

// rotate replaces a key.
func (m *model) rotate(t *rapid.T) {
	i := rapid.IntRange(0, len(m.keys)-1).Draw(t, "old key")
	m.serial++
	m.api.RevokeKey(m.keys[i])
	m.keys[i] = fmt.Sprintf("key-%d", m.serial)
	m.api.AddAccount(m.keys[i], "example.nl", otherDomain)
}

func (m *model) present(t *rapid.T) {
	var c *challenge
	waiting := slices.DeleteFunc(slices.Clone(m.challenges), func(c *challenge) bool { return c.presented })
	if len(waiting) > 0 && rapid.Bool().Draw(t, "again") {
		c = rapid.SampledFrom(waiting).Draw(t, "challenge")
	} else {
		m.serial++
		c = &challenge{
			domain: "example.nl",
			fqdn:   rapid.SampledFrom([]string{testName, "_acme-challenge.www.example.nl.", "_acme-challenge.a.b.example.nl.", otherName}).Draw(t, "name"),
			value:  padded(fmt.Sprintf("value-%d", m.serial)),
		}
		if c.fqdn == otherName {
			c.domain = otherDomain
		}
	}
	if m.inTurn(c.domain) && slices.ContainsFunc(m.challenges, func(other *challenge) bool { return other != c && other.fqdn == c.fqdn }) {
		return // cert-manager runs the challenges of a name one at a time
	}
	if !slices.Contains(m.challenges, c) {
		m.challenges = append(m.challenges, c)
	}
	m.cluster.create(c.value)
	p := m.process(t)
	err := m.call(func(ctx context.Context, key string) error {
		return present(ctx, p, key, c.domain+".", c.fqdn, c.value)
	}, m.key(t))
	c.presented = err == nil
}

func (m *model) cleanUp(t *rapid.T) {
	if len(m.challenges) == 0 {
		return // no skip: if nothing else were possible, the search would fail
	}
	c := rapid.SampledFrom(m.challenges).Draw(t, "challenge")
	p := m.process(t)
	c.presented = false
	m.cluster.finish(c.value)
	if m.call(c.cleanUp(p), m.key(t)) == nil {
		m.challenges = slices.DeleteFunc(m.challenges, func(other *challenge) bool { return other == c })
	}
}

func (c *challenge) cleanUp(p *mijnhost.Provider) func(context.Context, string) error {
	return func(ctx context.Context, key string) error {
		_, err := p.CleanUp(ctx, key, dnshost.TXT{Zone: c.domain + ".", FQDN: c.fqdn, Value: c.value})
		return err
	}
}

// restart replaces a process by one without memory.
func (m *model) restart(t *rapid.T) {
	m.restarted = true
	m.processes[rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")] = m.newProcess()
}

func (m *model) othersAdd(t *rapid.T) {
	r := foreignRecord(t)
	if rapid.IntRange(0, 4).Draw(t, "under the challenge's name") == 0 {
		m.serial++
		r = mijnhosttest.Record{Type: "TXT", Name: testName, Value: padded(fmt.Sprintf("left-over-%d", m.serial)), TTL: 60}
		m.leftOvers = append(m.leftOvers, r)
	} else {
		m.others = append(m.others, r)
	}
	m.api.AddRecord("example.nl", r)
}

func (m *model) othersDelete(t *rapid.T) {
	if len(m.others) == 0 {
		return
	}
	r := rapid.SampledFrom(m.others).Draw(t, "record")
	m.api.DeleteRecord("example.nl", r)
	left := m.api.Records("example.nl")
	m.others = slices.DeleteFunc(m.others, func(other mijnhosttest.Record) bool {
		return !slices.Contains(left, other) // removes all copies, in any form
	})
}

func (m *model) fault(t *rapid.T) {
	m.api.ClearFaults()
	many := rapid.IntRange(1, 4).Draw(t, "times")
	kind := rapid.SampledFrom([]struct {
		name  string
		kind  mijnhosttest.Kind
		times int
	}{
		{"400", mijnhosttest.Status(400), 1},
		{"401", mijnhosttest.Status(401), many},
		{"403", mijnhosttest.Status(403), many},
		{"429", mijnhosttest.RateLimited(nil), many},
		{"429 for 10 s", mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Second)), many},
		{"500", mijnhosttest.Status(500), many},
		{"500 after effect", mijnhosttest.AfterEffect(mijnhosttest.Status(500)), many},
		{"502", mijnhosttest.HTMLPage(502), many},
		{"hang", mijnhosttest.Hang(), many},
		{"drop before", mijnhosttest.DropBefore(), many},
		{"drop after", mijnhosttest.DropAfter(), many},
		{"truncated", mijnhosttest.Truncated(), many},
		{"malformed", mijnhosttest.Malformed(), many},
		{"error in 200", mijnhosttest.ErrorInside200(500, "no"), 1}, // can be a 400, too
		{"short read", mijnhosttest.ShortRead(), many},
		{"empty read", mijnhosttest.EmptyRead(), many},
		{"null read", mijnhosttest.NullRecords(), many},
		{"data is an array", mijnhosttest.DataIsArray(), many},
		{"no data", mijnhosttest.NoData(), many},
		{"TTLs are strings", mijnhosttest.TextTTL(), many},
		{"other shape, permanent", mijnhosttest.DataIsArray(), 0},
		{"DNS elsewhere", mijnhosttest.DNSElsewhere(), 1},
		{"not on the allow-list", mijnhosttest.NotOnAllowList(), many},
		{"API down", mijnhosttest.Status(503), 0},
	}).Draw(t, "fault")
	m.api.Inject(mijnhosttest.Fault{
		Kind:  kind.kind,
		Op:    rapid.SampledFrom([]mijnhosttest.Operation{"", read, patch, del}).Draw(t, "op"),
		Skip:  rapid.IntRange(0, 2).Draw(t, "skip"),
		Times: kind.times,
		Until: 5 * time.Minute,
	})
}

func (m *model) passTime(t *rapid.T) {
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute}).Draw(t, "time"))
}

// check verifies the invariants after every step.
func (m *model) check(*rapid.T) {
	records := m.stored()
	for _, c := range m.challenges {
		if c.presented && !slices.ContainsFunc(m.api.Records(c.domain), c.matches) {
			m.Fatalf("%s at %s was presented, but is not in the zone:\n%s", c.value, c.fqdn, shown(records))
		}
	}
	if rest := slices.DeleteFunc(m.api.Records(otherDomain), func(r mijnhosttest.Record) bool { return r.Name == otherName }); !slices.Equal(rest, hosts(otherDomain, 3)) {
		m.Fatalf("records of the other domain changed: %s", shown(rest))
	}
	ours := func(r mijnhosttest.Record) bool {
		return r.Type == "TXT" && (strings.HasPrefix(r.Value, "value-") && r.TTL == 60 || strings.HasPrefix(r.Value, "left-over-"))
	}
	rest := slices.DeleteFunc(slices.Clone(records), ours)
	want := slices.DeleteFunc(slices.Clone(m.others), ours)
	if !slices.Equal(rest, want) {
		m.Fatalf("records of others changed:\n got %s\nwant %s", shown(rest), shown(want))
	}
	if m.api.Options().Patch == mijnhosttest.PatchReplaces {
		return // the exception
	}
	for _, r := range m.leftOvers {
		if !slices.Contains(records, r) {
			m.Fatalf("leftover lost: %s", shown([]mijnhosttest.Record{r}))
		}
	}
}

// end cleans up all challenges, retrying until it succeeds, as cert-manager does.
func (m *model) end() {
	m.api.ClearFaults()
	for _, c := range m.challenges {
		c.presented = false
		m.cluster.finish(c.value)
		err := retry(func() error {
			return m.call(c.cleanUp(m.processes[0]), m.keys[0])
		}, 8)
		if err != nil {
			m.Fatalf("clean-up of %s at %s never succeeds: %v", c.value, c.fqdn, err)
		}
	}
	m.challenges = nil
	m.check(nil)
	if records := m.api.Records(otherDomain); !slices.Equal(records, hosts(otherDomain, 3)) {
		m.Fatalf("left behind in the other domain: %s", shown(records))
	}
	want := map[mijnhosttest.Record]int{}
	for _, r := range slices.Concat(m.others, m.leftOvers) {
		want[r]++
	}
	got := map[mijnhosttest.Record]int{}
	for _, r := range m.stored() {
		got[r]++
	}
	if m.api.Options().Patch == mijnhosttest.PatchReplaces {
		for _, r := range m.leftOvers { // the exception
			delete(want, r)
			delete(got, r)
		}
	}
	if !maps.Equal(got, want) {
		m.Fatalf("zone differs from what the others wrote:\n got %v\nwant %v", got, want)
	}
}

// stored returns the records of the zone without its own SOA and NS, which the API does not show.
func (m *model) stored() []mijnhosttest.Record {
	records := m.api.Records("example.nl")
	return slices.DeleteFunc(records, func(r mijnhosttest.Record) bool {
		return r.Type == "SOA" || r.Type == "NS" && r.Name == "example.nl." && strings.HasSuffix(r.Value, ".mijn.host.")
	})
}

func (c *challenge) matches(r mijnhosttest.Record) bool {
	return r.Type == "TXT" && r.Name == c.fqdn && r.Value == c.value
}

func shown(records []mijnhosttest.Record) string {
	var lines strings.Builder
	for _, r := range records {
		fmt.Fprintf(&lines, "\n  %q", []string{r.Type, r.Name, r.Value})
	}
	return lines.String()
}
