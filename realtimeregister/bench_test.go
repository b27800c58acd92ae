package realtimeregister_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// BenchmarkChallenge presents and cleans up one value in zones of many sizes, over HTTP on the loopback interface.
func BenchmarkChallenge(b *testing.B) {
	for _, size := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("records=%d", size), func(b *testing.B) {
			api := sim.Start(b, sim.Options{RequestLogLimit: 3})
			api.AddAccount("reseller", testKey)
			api.DeclareChallenge(testName)
			records := make([]string, size)
			for i := range records {
				records[i] = sim.Record(fmt.Sprintf("host-%d.example.nl", i), "A", fmt.Sprintf("192.0.%d.%d", 2+i/250, i%250), 3600)
			}
			api.AddZone("reseller", sim.Zone{Name: "example.nl", Records: records})
			p := startProcess(b, api, leasetest.Start(b), "bench/1")
			for b.Loop() {
				if err := p.present(context.Background(), txt(testName, acme(1))); err != nil {
					b.Fatal(err)
				}
				if err := p.cleanUp(context.Background(), txt(testName, acme(1))); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(api.Calls())/float64(b.N), "calls/op")
			b.ReportMetric(float64(api.BodyBytes())/float64(b.N), "sent-B/op")
			b.ReportMetric(float64(lastWindow(api).Microseconds())/1000, "window-ms")
		})
	}
}

// BenchmarkHundredAtOnce presents 100 values at once, with an API that takes 100 ms per call.
func BenchmarkHundredAtOnce(b *testing.B) {
	for _, zones := range []int{1, 20} {
		b.Run(fmt.Sprintf("zones=%d", zones), func(b *testing.B) {
			calls := 0
			for b.Loop() {
				b.StopTimer()
				api := sim.Start(b, sim.Options{Latency: 100 * time.Millisecond})
				api.AddAccount("reseller", testKey)
				for i := range zones {
					name := fmt.Sprintf("zone-%d.nl", i)
					api.AddZone("reseller", sim.Zone{Name: name, Records: []string{sim.Record(name, "A", "192.0.2.1", 300)}})
				}
				records := make([]dnshost.TXT, 100)
				for i := range records {
					zone := fmt.Sprintf("zone-%d.nl.", i%zones)
					records[i] = dnshost.TXT{Zone: zone, FQDN: fmt.Sprintf("_acme-challenge.host-%d.%s", i, zone), Value: acme(i)}
					api.DeclareChallenge(records[i].FQDN)
				}
				p := startProcess(b, api, leasetest.Start(b), "bench/1")
				b.StartTimer()
				if err := atOnce(len(records), func(i int) error { return p.present(context.Background(), records[i]) }); err != nil {
					b.Fatal(err)
				}
				calls += api.Calls()
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
		})
	}
}

// lastWindow returns how long a foreign write can be lost: from the arrival of a read at the API to that of the update
// based on it.
func lastWindow(api *sim.Server) time.Duration {
	var read, update time.Time
	for _, r := range api.Requests() {
		switch {
		case r.Op == sim.OpUpdateZone:
			update = r.Time
		case r.Op == sim.OpReadZone && update.IsZero():
			read = r.Time
		}
	}
	return update.Sub(read)
}
