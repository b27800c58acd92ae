package mijnhost_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// job is one of many challenges.
type job struct{ zone, fqdn, value string }

// jobsIn distributes n challenges over zones.
func jobsIn(zones, n int) []job {
	jobs := make([]job, n)
	for i := range jobs {
		zone := fmt.Sprintf("zone-%d.nl.", i%zones)
		jobs[i] = job{zone, fmt.Sprintf("_acme-challenge.host-%d.%s", i, zone), fmt.Sprintf("value-%d", i)}
	}
	return jobs
}

func addZones(api *mijnhosttest.Server, zones int) {
	for i := range zones {
		api.AddAccount(testKey, fmt.Sprintf("zone-%d.nl", i))
	}
}

func (j job) add(ctx context.Context, p *mijnhost.Provider) error {
	ctx, cancel := callContext(ctx)
	defer cancel()
	return present(ctx, p, testKey, j.zone, j.fqdn, j.value)
}

func (j job) remove(ctx context.Context, p *mijnhost.Provider) error {
	ctx, cancel := callContext(ctx)
	defer cancel()
	return cleanUp(ctx, p, j.zone, j.fqdn, j.value)
}

// atOnce runs f for all jobs concurrently, and returns any error.
func atOnce(jobs []job, f func(int, job) error) error {
	var all errgroup.Group
	for i, j := range jobs {
		all.Go(func() error { return f(i, j) })
	}
	return all.Wait()
}

func TestPresent_HundredAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zones, mostCalls int
		most             time.Duration
	}{
		{1, 130, 2 * time.Second},
		{20, 130, 3 * time.Second},
	} {
		t.Run(fmt.Sprintf("in %d zones", c.zones), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{Latency: 100 * time.Millisecond}, func(b bubble) {
				addZones(b.api, c.zones)
				start := time.Now()
				b.must(atOnce(jobsIn(c.zones, 100), func(_ int, j job) error { return j.add(b.Context(), b.Provider) }))
				elapsed, calls := time.Since(start), b.api.Calls()
				b.Logf("%s, %d calls", elapsed, calls)
				if elapsed > c.most || calls > c.mostCalls {
					b.Errorf("took %s and %d calls, want at most %s and %d", elapsed, calls, c.most, c.mostCalls)
				}
			})
		})
	}
}

// 300 challenges over processes that share no memory. Each is cleaned up by another process than the one that presented it.
func TestProcesses_ThreeHundredChallenges(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d processes", processes), func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{Latency: 50 * time.Millisecond}, func(b bubble) {
				addZones(b.api, 5)
				before := b.everyRecord(5)
				var replicas []*mijnhost.Provider
				for range processes {
					replicas = append(replicas, b.newProvider())
				}
				jobs := jobsIn(5, 300)
				for i := range jobs { // three challenges per name
					jobs[i].zone = fmt.Sprintf("zone-%d.nl.", i/3%5)
					jobs[i].fqdn = fmt.Sprintf("_acme-challenge.host-%d.%s", i/3, jobs[i].zone)
				}
				b.must(atOnce(jobs, func(i int, j job) error {
					return retry(func() error { return j.add(b.Context(), replicas[i%processes]) }, 8)
				}))
				if got := len(b.everyRecord(5)) - len(before); got != len(jobs) {
					b.Errorf("got %d values, want %d", got, len(jobs))
				}
				b.must(atOnce(jobs, func(i int, j job) error {
					return retry(func() error { return j.remove(b.Context(), replicas[(i+1)%processes]) }, 8)
				}))
				if got := b.everyRecord(5); !slices.Equal(got, before) {
					b.Errorf("records changed: got %v", got)
				}
			})
		})
	}
}

func (b bubble) everyRecord(zones int) []mijnhosttest.Record {
	var all []mijnhosttest.Record
	for i := range zones {
		all = append(all, b.api.Records(fmt.Sprintf("zone-%d.nl", i))...)
	}
	return all
}

// No memory, goroutine or record is left.
func TestThousandChallenges_NothingLeftBehind(t *testing.T) {
	api := mijnhosttest.Start(t, mijnhosttest.Options{RequestLogLimit: 1})
	addZones(api, 1)
	before := api.Records("zone-0.nl")
	transport := apiclient.NewTransport()
	p := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), UserAgent: "test/1", Transport: transport})
	goroutines := runtime.NumGoroutine()

	live := func(jobs []job) uint64 {
		places := make(chan struct{}, 16)
		err := atOnce(jobs, func(_ int, j job) error {
			places <- struct{}{}
			defer func() { <-places }()
			if err := j.add(t.Context(), p); err != nil {
				return err
			}
			return j.remove(t.Context(), p)
		})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	jobs := jobsIn(1, 1000)
	early := live(jobs[:200])
	late := live(jobs[200:])
	t.Logf("heap after 200: %d KiB, after 1000: %d KiB", early>>10, late>>10)
	if late > early+4<<20 { // 5 KiB per challenge
		t.Errorf("heap grew from %d to %d bytes", early, late)
	}
	if got := api.Records("zone-0.nl"); !slices.Equal(got, before) {
		t.Errorf("records: got %v, want %v", got, before)
	}
	transport.CloseIdleConnections()
	waitUntil(t, "no extra goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
}

func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	end := time.After(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("timed out after 10 s: %s", what)
		}
	}
}
