package realtimeregistertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each series of reads starts after a write that adds a fourth record, with one read every 10 s.
func TestReadsAfterWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    Options
		want []int
	}{
		{Options{}, []int{4, 4, 4, 4}},
		{Options{StaleReads: 15 * time.Second}, []int{3, 3, 4, 4}},
		{Options{StaleReads: 25 * time.Second, Replicas: ReplicasAlternate}, []int{3, 4, 3, 4}},
		{Options{StaleReads: 15 * time.Second, Replicas: ReplicasOther}, []int{4, 4, 4, 4}},
		{Options{StaleReadBacks: 1}, []int{3, 4, 4, 4}},
		{Options{ShortAfterWrite: 15 * time.Second}, []int{2, 2, 4, 4}},
		{Options{AbsentAfterWrite: 15 * time.Second}, []int{0, 0, 4, 4}},
		{Options{EffectDelay: 15 * time.Second}, []int{3, 3, 4, 4}},
	} {
		t.Run(c.o.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := addZone(StartInMemory(t, c.o), Zone{})
				time.Sleep(time.Minute)
				w.post(t, append(w.read(t), challenge("v"))...)
				var got []int
				for range c.want {
					got = append(got, len(w.read(t)))
					time.Sleep(10 * time.Second)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %d, want %d", got, c.want)
				}
			})
		})
	}
}

func TestReplicas_OtherIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := addZone(StartInMemory(t, Options{
			StaleReads: time.Minute, Replicas: ReplicasOther,
			Reader: func(r Request) string { return r.Header.Get("User-Agent") },
		}), Zone{})
		w.post(t, append(w.read(t), challenge("v"))...)
		other := recordsOf(t, w.call(t, "GET", w.path(), "", "User-Agent", "other").body)
		if len(w.read(t)) != 4 || len(other) != 3 {
			t.Errorf("got %d records for the writer, %d for the other client", len(w.read(t)), len(other))
		}
	})
}

func TestReadZone_Forms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o       Options
		zone    Zone
		has     string
		has2    string
		lacking string
	}{
		{Options{}, Zone{}, `"records":[`, `"managed":true`, `deletionDate`},
		{Options{}, Zone{}, `"service":"BASIC"`, `"name":"example.nl","type":"SOA"`, `template`},
		{Options{}, Zone{Records: []string{}}, `"dnssec":false`, ``, `"records"`},
		{Options{Empty: EmptyList}, Zone{Records: []string{}}, `"records":[]`, ``, `null`},
		{Options{Empty: EmptyNull}, Zone{Records: []string{}}, `"records":null`, ``, `[]`},
		{Options{Names: NamesUpper}, Zone{}, `{ "name": "WWW.EXAMPLE.NL", "type":"A"`, `12345678901234567890} }`, `www`},
		{Options{Names: NamesMixed}, Zone{}, `"WwW.ExAmPlE.Nl"`, ``, `www`},
		{Options{Names: NamesLower}, Zone{Records: []string{Record("X.example.nl", "A", "192.0.2.1", 60)}}, `"x.example.nl"`, ``, `X.`},
		{Options{}, Zone{NS: []string{"ns.vanity.example"}}, `"ns":["ns.vanity.example"]`, `"content":"ns.vanity.example"`, `ns1.yoursrs`},
		{Options{}, Zone{Template: "t", Master: "m", DeletionDate: "d"}, `"deletionDate":"d","template":"t","master":"m"`, ``, `updatedDate`},
	} {
		w := addZone(Start(t, c.o), c.zone)
		body := w.call(t, "GET", w.path(), "").body
		if !strings.Contains(body, c.has) || !strings.Contains(body, c.has2) || strings.Contains(body, c.lacking) {
			t.Errorf("%s: got %s", c.o, body)
		}
	}
}

func TestSigns(t *testing.T) {
	t.Parallel()
	for reading, want := range map[SignsReading]string{SignsBoth: "date serial", SignsDate: "date", SignsSerial: "serial", SignsNone: ""} {
		t.Run(fmt.Sprint(reading), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := addZone(StartInMemory(t, Options{Signs: reading}), Zone{})
				look := func() (date, serial string) {
					body := w.call(t, "GET", w.path(), "").body
					if _, rest, found := strings.Cut(body, `"updatedDate":"`); found {
						date, _, _ = strings.Cut(rest, `"`)
					}
					_, rest, _ := strings.Cut(body, "hostmaster.example.nl ")
					serial, _, _ = strings.Cut(rest, " ")
					return date, serial
				}
				w.AddRecord(w.id, Record("a.example.nl", "A", "192.0.2.1", 60))
				date, serial := look()
				time.Sleep(time.Second)
				w.AddRecord(w.id, Record("b.example.nl", "A", "192.0.2.1", 60))
				date2, serial2 := look()
				var got []string
				if date != date2 {
					got = append(got, "date")
				}
				if serial != serial2 {
					got = append(got, "serial")
				}
				if strings.Join(got, " ") != want {
					t.Errorf("got %v, want %s", got, want)
				}
			})
		})
	}
}

func TestOrderShuffled(t *testing.T) {
	t.Parallel()
	w := addZone(Start(t, Options{Order: OrderShuffled}), Zone{})
	orders := map[string]bool{}
	for range 20 {
		r := w.read(t)
		orders[strings.Join(r, "")] = true
		slices.Sort(r)
		if want := slices.Sorted(slices.Values(foreignRecords())); !slices.Equal(r, want) {
			t.Fatalf("got %q", r)
		}
	}
	if len(orders) < 2 {
		t.Error("want more than one order")
	}
}
