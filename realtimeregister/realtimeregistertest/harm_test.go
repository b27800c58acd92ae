package realtimeregistertest

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// fakeTB counts failures.
type fakeTB struct {
	failed   int
	cleanups []func()
}

func (f *fakeTB) Helper()               {}
func (f *fakeTB) Cleanup(c func())      { f.cleanups = append(f.cleanups, c) }
func (f *fakeTB) Errorf(string, ...any) { f.failed++ }
func (f *fakeTB) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

func TestHarm(t *testing.T) {
	t.Parallel()
	late := Record("late.example.nl", "A", "192.0.2.7", 300)
	two := func(r []string) []string { return append(append([]string{}, r...), challenge("v")) }
	for _, c := range []struct {
		name   string
		o      Options
		does   func(*testing.T, world)
		counts map[Cause]int
		kind   HarmKind
	}{
		{"only a challenge", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.post(t, two(w.read(t))...)
			w.post(t, w.read(t)[:3]...)
		}, nil, ""},
		{"same value, other bytes", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.read(t)
			w.post(t, `{"prio":0.0,"type":"MX","ttl":300,"name":"example.nl","content":"mail.example.nl"}`, foreignRecords()[1], foreignRecords()[2])
		}, nil, ""},
		{"lost", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.post(t, w.read(t)[1:]...)
		}, map[Cause]int{Preventable: 1}, RecordLost},
		{"changed: unknown field lost", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			r[1] = Record("www.example.nl", "A", "192.0.2.1", 300)
			w.post(t, r...)
		}, map[Cause]int{Preventable: 1}, RecordChanged},
		{"changed: case of a name", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			r[2] = Record("EXAMPLE.nl", "TXT", "v=spf1 -all", 3600)
			w.post(t, r...)
		}, map[Cause]int{Preventable: 1}, RecordChanged},
		{"added", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.post(t, append(w.read(t), late)...)
		}, map[Cause]int{Preventable: 1}, RecordAdded},
		{"setting", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.read(t)
			w.call(t, "POST", w.path()+"/update", `{"dnssec":true}`)
		}, map[Cause]int{Preventable: 1}, SettingChanged},
		{"never read", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.post(t, challenge("v"))
		}, map[Cause]int{Preventable: 3}, RecordLost},
		{"raced: addition", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			w.AddRecord(w.id, late)
			w.post(t, two(r)...)
		}, map[Cause]int{Raced: 1}, RecordLost},
		{"raced: removal", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			w.DeleteRecord(w.id, foreignRecords()[2])
			w.post(t, two(r)...)
		}, map[Cause]int{Raced: 1}, RecordAdded},
		{"raced, list read since", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			w.AddRecord(w.id, late)
			w.call(t, "GET", "/dns/zones", "")
			w.post(t, two(r)...)
		}, map[Cause]int{Raced: 1}, RecordLost},
		{"not raced: zone read again", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			w.AddRecord(w.id, late)
			w.read(t)
			w.post(t, two(r)...)
		}, map[Cause]int{Preventable: 1}, RecordLost},
		{"stale, hidden", Options{StaleReads: time.Minute}, func(t *testing.T, w world) {
			t.Helper()
			w.AddRecord(w.id, late)
			w.post(t, two(w.read(t))...)
		}, map[Cause]int{HiddenStale: 1}, RecordLost},
		{"stale, evident from an earlier read", Options{History: time.Hour}, func(t *testing.T, w world) {
			t.Helper()
			time.Sleep(time.Minute)
			w.AddRecord(w.id, late)
			w.read(t)
			w.Inject(Fault{Op: OpReadZone, Kind: StaleRead(30 * time.Second)})
			w.post(t, two(w.read(t))...)
		}, map[Cause]int{Preventable: 1}, RecordLost},
		{"stale, evident from an earlier write", Options{History: time.Hour}, func(t *testing.T, w world) {
			t.Helper()
			time.Sleep(time.Minute)
			w.post(t, two(w.read(t))...)
			w.AddRecord(w.id, late)
			w.Inject(Fault{Op: OpReadZone, Kind: StaleRead(30 * time.Second)})
			w.post(t, w.read(t)...)
		}, map[Cause]int{Preventable: 1}, RecordLost},
		{"short, hidden", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.Inject(Fault{Op: OpReadZone, Kind: ShortRead()})
			w.post(t, two(w.read(t))...)
		}, map[Cause]int{HiddenStale: 2}, RecordLost},
		{"short, evident from the list", Options{}, func(t *testing.T, w world) {
			t.Helper()
			w.Inject(Fault{Op: OpReadZone, Kind: ShortRead()})
			w.call(t, "GET", "/dns/zones?name=example.nl", "")
			w.post(t, two(w.read(t))...)
		}, map[Cause]int{Preventable: 2}, RecordLost},
		{"effect long after the connection was lost", Options{}, func(t *testing.T, w world) {
			t.Helper()
			r := w.read(t)
			w.Inject(Fault{Op: OpUpdateZone, Kind: DropThenEffect(8 * time.Second)})
			if _, err := w.do(t, "POST", w.path()+"/update", listBody(two(r)...)); err == nil {
				t.Error("want no response")
			}
			time.Sleep(3 * time.Second)
			w.AddRecord(w.id, late)
			if got := w.read(t); len(got) != 4 {
				t.Errorf("got %q", got)
			}
		}, map[Cause]int{Raced: 1}, RecordLost},
		{"names in other case", Options{Names: NamesMixed}, func(t *testing.T, w world) {
			t.Helper()
			w.post(t, two(w.read(t))...)
			w.post(t, w.read(t)...)
		}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tb := &fakeTB{}
				w := addZone(StartInMemory(tb, c.o), Zone{})
				c.does(t, w)
				for _, cause := range []Cause{Preventable, Raced, HiddenStale} {
					harms := w.Harms(cause)
					if len(harms) != c.counts[cause] {
						t.Errorf("%s: got %v", cause, harms)
					}
					if len(harms) > 0 && harms[0].Kind != c.kind {
						t.Errorf("got %s", harms[0])
					}
				}
				for _, f := range tb.cleanups {
					f()
				}
				if tb.failed != c.counts[Preventable] {
					t.Errorf("got %d failures", tb.failed)
				}
			})
		})
	}
}

func TestDeclaredValues(t *testing.T) {
	t.Parallel()
	w := addZone(Start(t, Options{AllowHarm: true}), Zone{})
	name := "_acme-challenge.www.example.nl"
	w.DeclareChallenge(name, "mine")
	w.AddRecord(w.id, Record(name, "TXT", "mine", 60))
	w.AddRecord(w.id, Record(name, "TXT", "another's", 60))
	w.post(t, w.read(t)[:3]...)
	if harms := w.Harms(Preventable); len(harms) != 1 || harms[0].Before != Record(name, "TXT", "another's", 60) {
		t.Errorf("got harms %v", harms)
	}
}
