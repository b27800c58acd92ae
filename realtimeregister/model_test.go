package realtimeregister_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// TestNoRecordIsHarmed plays random lives of a zone: challenges by several processes that can die at any moment,
// foreign writers, faults, and stale or short reads, with a random reading of the API's unknowns. It verifies that
//
//   - no update changes or drops a foreign record that its process had read or could have known;
//   - every value reported as presented is in the zone until its clean-up starts, unless a foreign writer removed it,
//     or a read was incomplete without evidence;
//   - each call ends in time, and every clean-up succeeds once the faults are over;
//   - at the end the zone is as the other writers left it, unless one of them wrote between a read and its update.
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
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.trace())
		}
	})
	t.Repeat(map[string]func(*rapid.T){
		"burst":      m.burst,
		"others add": m.othersAdd,
		"others del": m.othersDelete,
		"restart":    m.restart,
		"fault":      m.fault,
		"time":       m.passTime,
		"":           m.check,
	})
	m.end()
}

// model is the expected state of the zone.
type model struct {
	*rapid.T
	api       *sim.Server
	cluster   *leasetest.Cluster
	zone      int
	processes []*process
	born      int

	mu     sync.Mutex
	others map[string]bool // by JSON

	challenges []*challenge
	serial     int
	changes    []string // by any writer; the simulator's lock guards it
}

// challenge is the state of one challenge.
type challenge struct {
	r         dnshost.TXT
	presented bool // success was reported, and the clean-up has not started
}

func newModel(t *rapid.T) *model {
	m := &model{T: t, others: map[string]bool{}}
	o := rapid.SampledFrom(sim.EachReading()).Draw(t, "reading")
	replicas := o.Replicas
	switch rapid.SampledFrom([]string{"fresh", "stale", "read-backs", "short", "absent", "late"}).Draw(t, "reads") {
	case "stale":
		o.StaleReads = rapid.SampledFrom([]time.Duration{time.Second, 8 * time.Second, 25 * time.Second}).Draw(t, "stale for")
		o.Replicas = rapid.SampledFrom([]sim.ReplicasReading{replicas, sim.ReplicasAlternate, sim.ReplicasOther}).Draw(t, "replicas")
	case "read-backs":
		o.StaleReadBacks = 2
	case "short":
		o.ShortAfterWrite = 4 * time.Second
	case "absent":
		o.AbsentAfterWrite = 4 * time.Second
	case "late":
		o.EffectDelay = 3 * time.Second
	}
	o.Latency = rapid.SampledFrom([]time.Duration{0, 50 * time.Millisecond, 400 * time.Millisecond}).Draw(t, "latency")
	o.Observe = func(c sim.Change) {
		m.changes = append(m.changes, fmt.Sprintf("%s %v %v %s", c.Time.Format("15:04:05.000"), c.ByAPI, c.Added, c.Record))
	}
	o.Reader = func(r sim.Request) string { return r.Header.Get("User-Agent") }
	m.api, m.cluster = sim.StartInMemory(t, o), leasetest.StartInMemory(t)
	m.api.AddAccount("reseller", testKey)
	for _, name := range challengeNames() {
		m.api.DeclareChallenge(name)
	}
	var records []string
	for range rapid.IntRange(1, 8).Draw(t, "records") {
		records = append(records, m.foreign(t))
	}
	m.zone = m.api.AddZone("reseller", sim.Zone{Name: "example.nl", Records: records})
	for range rapid.IntRange(1, 3).Draw(t, "processes") {
		m.processes = append(m.processes, m.newProcess())
	}
	time.Sleep(time.Minute)
	return m
}

func challengeNames() []string {
	return []string{testName, "_acme-challenge.www.example.nl.", "target.example.nl."}
}

func (m *model) newProcess() *process {
	m.born++
	return startProcess(m, m.api, m.cluster, fmt.Sprintf("process-%d", m.born))
}

// foreign returns a unique record of another client, in a form that a lossy client would change.
func (m *model) foreign(t *rapid.T) string {
	m.serial++
	name := rapid.SampledFrom([]string{"example.nl", "www.example.nl", "WWW.Example.nl", "*.example.nl", "mail.example.nl", "_acme-challenge.other.example.nl"}).Draw(t, "name")
	record := rapid.SampledFrom([]string{
		`{"name":"%s","type":"A","content":"192.0.2.%d","ttl":3600}`,
		`{ "name" : "%s", "type":"MX","content":"mail%d.example.nl","ttl":3e2,"prio":0}`,
		`{"prio":0,"ttl":300.0,"content":"0 5060 sip%[2]d.example.nl","type":"SRV","name":"%[1]s","x":{"b":[1,1.0],"a":null}}`,
		`{"name":"%s","type":"TXT","content":"\u0076=spf1 <&> \"%d\"","ttl":60,"id":12345678901234567890}`,
		`{"name":"%s","type":"CAA","content":"0 issue \"ca%d.example\"","ttl":86400,"note":"J\u00f6rg ☃"}`,
	}).Draw(t, "record")
	r := fmt.Sprintf(record, name, m.serial)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others[r] = true
	return r
}

// burst makes some calls at once or shortly after each other, through any process. Sometimes two of them request the
// opposite for one value, a process dies, or another client writes.
func (m *model) burst(t *rapid.T) {
	var starts []func() // draw everything before running anything: no goroutine may be left when the fuzzer's data ends
	begin := func(do func()) {
		delay := rapid.SampledFrom([]time.Duration{0, 0, 30 * time.Millisecond, 120 * time.Millisecond, time.Second}).Draw(t, "delay")
		starts = append(starts, func() {
			time.Sleep(delay)
			do()
		})
	}
	type call struct {
		*challenge
		present bool
		err     error
	}
	var calls []*call
	for range rapid.IntRange(1, 5).Draw(t, "calls") {
		c := &call{present: rapid.IntRange(0, 2).Draw(t, "present") > 0}
		if len(m.challenges) == 0 || c.present && rapid.Bool().Draw(t, "new") {
			m.serial++
			c.challenge = &challenge{r: dnshost.TXT{
				Zone: testZone, FQDN: rapid.SampledFrom(challengeNames()).Draw(t, "name"), Value: acme(m.serial),
			}}
			m.challenges, c.present = append(m.challenges, c.challenge), true
		} else {
			c.challenge = rapid.SampledFrom(m.challenges).Draw(t, "challenge")
		}
		calls = append(calls, c)
		p := rapid.SampledFrom(m.processes).Draw(t, "process")
		if !c.present {
			c.presented = false
		}
		begin(func() {
			start := time.Now()
			if c.present {
				c.err = p.present(context.Background(), c.r)
			} else {
				c.err = p.cleanUp(context.Background(), c.r)
			}
			if elapsed := time.Since(start); elapsed > callLimit {
				m.Errorf("call took %s", elapsed)
			}
		})
	}
	if rapid.IntRange(0, 3).Draw(t, "foreign writer") == 0 {
		r := m.foreign(t)
		begin(func() { m.api.AddRecord(m.zone, r) })
	}
	if rapid.IntRange(0, 5).Draw(t, "kill") == 0 {
		i := rapid.IntRange(0, len(m.processes)-1).Draw(t, "victim")
		victim := m.processes[i]
		m.processes[i] = m.newProcess()
		begin(func() { victim.dead.Store(true) })
	}
	var all sync.WaitGroup
	for _, start := range starts {
		all.Go(start)
	}
	all.Wait()
	opposed := map[*challenge]bool{}
	for _, c := range calls {
		if !c.present {
			opposed[c.challenge] = true
		}
	}
	for _, c := range calls {
		if c.present && c.err == nil && !opposed[c.challenge] {
			c.presented = true
		}
	}
}

func (m *model) restart(t *rapid.T) {
	m.processes[rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")] = m.newProcess()
}

func (m *model) othersAdd(t *rapid.T) { m.api.AddRecord(m.zone, m.foreign(t)) }

func (m *model) othersDelete(t *rapid.T) {
	var all []string
	for r := range m.others {
		all = append(all, r)
	}
	if len(all) < 2 {
		return // the last one
	}
	slices.Sort(all)
	r := rapid.SampledFrom(all).Draw(t, "record")
	delete(m.others, r)
	for _, stored := range m.api.Records(m.zone) { // the case of its name may have changed
		if strings.EqualFold(stored, r) {
			m.api.DeleteRecord(m.zone, stored)
		}
	}
}

func (m *model) fault(t *rapid.T) {
	m.api.ClearFaults()
	many := rapid.IntRange(1, 3).Draw(t, "times")
	kind := rapid.SampledFrom([]struct {
		name  string
		kind  sim.Kind
		times int
	}{
		{"400", sim.Failure(400, "ValidationError", "no"), many},
		{"404", sim.Status(404), many},
		{"429", sim.RateLimited(nil), many},
		{"429 for 10 s", sim.RateLimited(sim.InSeconds(10 * time.Second)), many},
		{"500", sim.Status(500), many},
		{"500 after effect", sim.AfterEffect(sim.Status(500)), many},
		{"502", sim.HTMLPage(502), many},
		{"202", sim.Accepted(), many},
		{"hang", sim.Hang(), many},
		{"slow", sim.Slow(7 * time.Second), many},
		{"drop before", sim.DropBefore(), many},
		{"drop after", sim.DropAfter(), many},
		{"drop, effect after 20 s", sim.DropThenEffect(20 * time.Second), 1},
		{"truncated", sim.Truncated(), many},
		{"malformed", sim.Malformed(), many},
		{"short read", sim.ShortRead(), many},
		{"absent records", sim.AbsentRecords(), many},
		{"null records", sim.NullRecords(), many},
		{"other zone", sim.OtherName("example.org"), many},
		{"API down", sim.Status(503), 0},
	}).Draw(t, "fault")
	m.api.Inject(sim.Fault{
		Kind:  kind.kind,
		Op:    rapid.SampledFrom([]sim.Operation{"", sim.OpListZones, sim.OpReadZone, sim.OpUpdateZone}).Draw(t, "op"),
		Skip:  rapid.IntRange(0, 2).Draw(t, "skip"),
		Times: kind.times,
		Until: 3 * time.Minute,
	})
}

func (m *model) passTime(t *rapid.T) {
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 15 * time.Minute}).Draw(t, "time"))
}

// check verifies the invariants after every step. The simulator reports preventable harm at the end, too.
func (m *model) check(*rapid.T) {
	if harms := m.api.Harms(sim.Preventable); len(harms) > 0 {
		m.Fatalf("update did harm: %s", harms[0])
	}
	if m.api.EmptyUpdates() > 0 {
		m.Fatal("empty list sent")
	}
	if len(m.api.Harms(sim.HiddenStale)) > 0 {
		return // a read without evidence lost values of challenges, too
	}
	for _, c := range m.challenges {
		if c.presented && !slices.Contains(m.api.TXTValues(m.zone, c.r.FQDN), c.r.Value) {
			m.Fatalf("%s at %s was presented, but is not in the zone:\n%s", c.r.Value, c.r.FQDN, strings.Join(m.api.Records(m.zone), "\n"))
		}
	}
}

// end cleans up all challenges, retrying until it succeeds, as cert-manager does.
func (m *model) end() {
	m.api.ClearFaults()
	left := false // the last record of the zone is ours: the others removed all of theirs
	for _, c := range m.challenges {
		c.presented = false
		err := retry(func() error {
			start := time.Now()
			err := m.processes[0].cleanUp(context.Background(), c.r)
			if elapsed := time.Since(start); elapsed > callLimit {
				m.Errorf("call took %s", elapsed)
			}
			if errors.Is(err, realtimeregister.ErrLastRecord) && len(m.api.Records(m.zone)) == 1 {
				left = true
				return nil
			}
			return err
		}, 10)
		if err != nil {
			m.Fatalf("clean-up of %s at %s never succeeds: %v", c.r.Value, c.r.FQDN, err)
		}
	}
	m.challenges = nil
	time.Sleep(2 * time.Minute)
	m.check(nil)
	if left || len(m.api.Harms(sim.Raced))+len(m.api.Harms(sim.HiddenStale)) > 0 {
		return
	}
	got, want := m.api.Records(m.zone), []string{}
	for r := range m.others {
		want = append(want, r)
	}
	if m.api.Options().Names != sim.NamesAsStored {
		got, want = lowered(got), lowered(want)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.Fatalf("zone differs from what the others wrote:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// trace returns all calls and changes, for debugging.
func (m *model) trace() string {
	var lines []string
	for _, r := range m.api.Requests() {
		lines = append(lines, fmt.Sprintf("%s %s %s %d %s %s", r.Time.Format("15:04:05.000"), r.Header.Get("User-Agent"), r.Op, r.Status, r.Fault, r.Body))
	}
	return strings.Join(append(lines, m.changes...), "\n")
}

func lowered(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = strings.ToLower(text)
	}
	return out
}
