package mijnhosttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestZone_History(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const keep = 50 * time.Second
		random := rand.New(rand.NewPCG(1, 2))
		z := newZone(testDomain, 1, time.Now())
		z.begin(list{}, time.Now())

		// The model: a plain slice for every second.
		model := [][]Record{nil}
		for i := range 2000 {
			pass(time.Second)
			now := slices.Clone(model[len(model)-1])
			records := z.now().records
			if n := len(now); n == 0 || random.IntN(5) > 1 {
				r := txt(fmt.Sprint(i), "v")
				now = append(now, r)
				records = records.with(newStored(r, testDomain))
			} else {
				at := random.IntN(n)
				gone := newStored(now[at], testDomain)
				now = slices.Delete(now, at, at+1)
				records, _ = dropped(records, gone.sameRecord, false)
			}
			z.become(records, time.Now(), keep)
			model = append(model, now)

			ago := random.IntN(min(len(model), 1+int(keep/time.Second)))
			if got, want := plain(z.at(time.Now().Add(-time.Duration(ago)*time.Second)).records), model[len(model)-1-ago]; !slices.Equal(got, want) {
				t.Fatalf("after %d writes, %d s ago:\n got %v\nwant %v", i+1, ago, got, want)
			}
		}
		if n := len(z.versions); n > 52 {
			t.Errorf("got %d versions for 50 s", n)
		}
	})
}

func plain(l list) []Record {
	var out []Record
	for r := range l.all() {
		out = append(out, r.Record)
	}
	return out
}

func BenchmarkWriteInAZoneOf10000(b *testing.B) {
	s := New(Options{StaleReads: time.Minute})
	populate(s, manyRecords(10_000)...)
	r := txt("_acme-challenge.example.nl.", "v")
	for b.Loop() {
		patch(s, r)
		remove(s, r)
	}
}

func BenchmarkReadAZoneOf10000(b *testing.B) {
	s := New(Options{})
	populate(s, manyRecords(10_000)...)
	for b.Loop() {
		serve(s, "GET", "/domains/example.nl/dns", "")
	}
}

func manyRecords(n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = txt(fmt.Sprintf("name-%d.example.nl.", i), "value")
	}
	return records
}
