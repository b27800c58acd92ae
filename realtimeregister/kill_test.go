package realtimeregister_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

const (
	takeOverLimit = 45 * time.Second
	// killedLimit limits all retries after a kill: 30 s for the Lease, and 60 s for an update that never took effect.
	killedLimit = 3 * time.Minute
)

// Kills the process that holds the Lease in the middle of its round, KILLS times. Another process takes over within 45
// s, every challenge is presented and cleaned up, and the records of others are unchanged.
func TestKill_LeaseHolder(t *testing.T) {
	t.Parallel()
	kills, _ := strconv.Atoi(os.Getenv("KILLS"))
	if kills == 0 {
		t.Skip("KILLS is not set; see make kill")
	}
	for i := range kills {
		moments := []struct {
			name   string
			op     sim.Operation
			before int32 // requests of that operation before the one that kills the process
			lost   bool  // the request does not arrive
		}{
			{"reading", sim.OpReadZone, 0, false},
			{"update sent", sim.OpUpdateZone, 0, false},
			{"reading back", sim.OpReadZone, 1, false},
			{"update lost", sim.OpUpdateZone, 0, true},
		}
		moment := moments[i%len(moments)]
		delay := time.Duration(0)
		if i >= len(moments) && !moment.lost {
			delay = rand.N(apiLatency)
		}
		t.Run(fmt.Sprintf("%d, %s", i, moment.name), func(t *testing.T) {
			t.Parallel()
			w := startProcesses(t, 2+i%2)
			var victim atomic.Pointer[writer]
			var killed time.Time
			var requests atomic.Int32
			die := func(r sim.Request) bool {
				if requests.Add(1) != moment.before+1 {
					return false
				}
				for _, one := range w.writers {
					if one.id == r.Header.Get("User-Agent") {
						killed = time.Now().Add(delay)
						victim.Store(one)
						time.AfterFunc(delay, func() { _ = one.process.Kill() })
					}
				}
				return moment.lost
			}
			w.api.Inject(sim.Fault{Op: moment.op, Kind: sim.DropBefore(), When: die})
			w.mustCallEach(true)
			if victim.Load() == nil {
				t.Fatal("want a killed process")
			}
			var tookOver time.Duration
			for _, r := range w.api.Requests() {
				if r.Op == sim.OpReadZone && r.Time.After(killed) && r.Header.Get("User-Agent") != victim.Load().id {
					tookOver = r.Time.Sub(killed)
					break
				}
			}
			t.Logf("took over after %s, all presented after %s", tookOver.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
			if tookOver == 0 || tookOver > takeOverLimit {
				t.Errorf("took over after %s, want within %s", tookOver, takeOverLimit)
			}
			w.wantAll()
			w.mustCallEach(false)
			w.wantNone()
		})
	}
}

const apiLatency = 100 * time.Millisecond

// processes is a zone with several webhook processes.
type processes struct {
	*testing.T
	api     *sim.Server
	zone    int
	writers []*writer
	records []dnshost.TXT
}

func startProcesses(t *testing.T, n int) *processes {
	t.Helper()
	const challenges = 12
	w := &processes{T: t, api: sim.Start(t, sim.Options{
		Latency: apiLatency, Reader: func(r sim.Request) string { return r.Header.Get("User-Agent") },
	})}
	w.api.AddAccount("reseller", testKey)
	w.zone = w.api.AddZone("reseller", sim.Zone{Name: "example.nl", Records: others()})
	for i := range challenges {
		w.records = append(w.records, txt(fmt.Sprintf("_acme-challenge.host-%d.example.nl.", i), acme(i)))
		w.api.DeclareChallenge(w.records[i].FQDN)
	}
	cluster := leasetest.Start(t)
	for i := range n {
		w.writers = append(w.writers, startWriter(t, w.api, cluster, fmt.Sprintf("process-%d", i)))
	}
	return w
}

func (w *processes) mustCallEach(present bool) {
	w.Helper()
	calls := make([]writerCall, len(w.records))
	for i, r := range w.records {
		calls[i] = writerCall{present, r}
	}
	ctx, cancel := context.WithTimeout(w.Context(), killedLimit)
	defer cancel()
	if err := callEach(ctx, w.writers, calls); err != nil {
		w.Fatalf("present=%t: %v", present, err)
	}
}

func (w *processes) wantAll() {
	w.Helper()
	for _, r := range w.records {
		if got := w.api.TXTValues(w.zone, r.FQDN); !slices.Equal(got, []string{r.Value}) {
			w.Errorf("%s: got %q, want %q", r.FQDN, got, r.Value)
		}
	}
}

func (w *processes) wantNone() {
	w.Helper()
	got, want := w.api.Records(w.zone), others()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Errorf("records:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}
