package mijnhost_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// BenchmarkChallenge presents and cleans up one value in zones of many sizes, over HTTP on the loopback interface.
func BenchmarkChallenge(b *testing.B) {
	for _, size := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("records=%d", size), func(b *testing.B) {
			api := mijnhosttest.Start(b, mijnhosttest.Options{RequestLogLimit: 1})
			addZones(api, 1)
			api.SetRecords("zone-0.nl", hosts("zone-0.nl", size))
			p := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), UserAgent: "bench/1"})
			j := jobsIn(1, 1)[0]
			for b.Loop() {
				if err := j.add(context.Background(), p); err != nil {
					b.Fatal(err)
				}
				if err := j.remove(context.Background(), p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(api.Calls())/float64(b.N), "calls/op")
			b.ReportMetric(float64(api.BodyBytes())/float64(b.N), "sent-B/op")
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
				api := mijnhosttest.Start(b, mijnhosttest.Options{Latency: 100 * time.Millisecond})
				addZones(api, zones)
				p := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), UserAgent: "bench/1"})
				b.StartTimer()
				if err := atOnce(jobsIn(zones, 100), func(_ int, j job) error { return j.add(context.Background(), p) }); err != nil {
					b.Fatal(err)
				}
				calls += api.Calls()
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
		})
	}
}
