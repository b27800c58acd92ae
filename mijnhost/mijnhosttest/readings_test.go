package mijnhosttest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestPATCHBesideASibling(t *testing.T) {
	t.Parallel()
	first, second := txt("x.example.nl.", "1"), txt("X.example.nl", "2")
	other := Record{"A", "x.example.nl.", "192.0.2.1", 60}
	for reading, want := range map[PatchReading][]Record{
		PatchAdds:     {first, other, second},
		PatchReplaces: {other, second},
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Options{Patch: reading}, first, other)
			if got := patch(s, second); got.code != 200 {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), want...)
		})
	}
}

func TestPATCHOfTheSameRecord(t *testing.T) {
	t.Parallel()
	there, again := Record{"TXT", "x", "v", 60}, Record{"TXT", "x.example.nl.", "v", 120}
	updated := Record{"TXT", "x", "v", 120}
	for _, c := range []struct {
		opts Options
		code int
		want []Record
	}{
		{Options{}, 200, []Record{updated}},
		{Options{PatchSame: PatchSameDuplicates}, 200, []Record{there, again}},
		{Options{PatchSame: PatchSameFails}, 400, []Record{there}},
		{Options{Patch: PatchReplaces}, 200, []Record{again}},
		{Options{Patch: PatchReplaces, PatchSame: PatchSameDuplicates}, 200, []Record{again}},
		{Options{Patch: PatchReplaces, PatchSame: PatchSameFails}, 400, []Record{there}},
	} {
		t.Run(c.opts.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, c.opts, there)
			if got := patch(s, again); got.code != c.code {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), c.want...)
		})
	}
}

func TestDELETEOfAnAbsentRecord(t *testing.T) {
	t.Parallel()
	for reading, code := range map[DeleteAbsentReading]int{
		DeleteAbsentFails:    400,
		DeleteAbsentNotFound: 404,
		DeleteAbsentSucceeds: 200,
	} {
		t.Run(reading.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, Options{DeleteAbsent: reading}, txt("x", "1"))
			if got := remove(s, txt("x", "2")); got.code != code {
				t.Errorf("got %d %s", got.code, got.body)
			}
			wantRecords(t, s.Records(testDomain), txt("x", "1"))
		})
	}
}

func TestDELETEOfOneCopyOrAll(t *testing.T) {
	t.Parallel()
	for oneCopy, left := range map[bool]int{false: 0, true: 1} {
		s := newTestServer(t, Options{DeleteOneCopy: oneCopy}, txt("x", "v"), txt("x", "v"))
		remove(s, txt("x", "v"))
		if got := len(s.Records(testDomain)); got != left {
			t.Errorf("DeleteOneCopy %v: %d left, want %d", oneCopy, got, left)
		}
	}
}

func TestTheFormOfNamesAndValues(t *testing.T) {
	t.Parallel()
	stored := []Record{txt("Rel", "v"), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl", "v"), txt("@", "v"), txt("example.nl.", "v")}
	for _, c := range []struct {
		opts Options
		want []Record
	}{
		{Options{}, []Record{
			txt("Rel.example.nl.", "v"), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl.", "v"), txt("example.nl.", "v"), txt("example.nl.", "v"),
		}},
		{Options{Names: NamesAsWritten}, stored},
		{Options{Names: NamesRelative}, []Record{
			txt("Rel", "v"), txt("abs", `"v"`), txt("Bare", "v"), txt("@", "v"), txt("@", "v"),
		}},
		{Options{Names: NamesAsWritten, QuotedValues: true}, []Record{
			txt("Rel", `"v"`), txt("abs.example.nl.", `"v"`), txt("Bare.Example.nl", `"v"`), txt("@", `"v"`), txt("example.nl.", `"v"`),
		}},
	} {
		t.Run(c.opts.String(), func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, c.opts, stored...)
			wantRecords(t, read(t, s), c.want...)
			wantRecords(t, s.Records(testDomain), stored...)
		})
	}
}

func TestWhatAGETShowsCanBeDeletedUnderEveryReading(t *testing.T) {
	t.Parallel()
	for opts := range EveryReading() {
		s := newTestServer(t, opts, txt("keep", "v"), txt("Gone", "v"))
		shown := read(t, s)[1]
		if got := remove(s, shown); got.code != 200 {
			t.Errorf("%s: %+v: %d %s", opts, shown, got.code, got.body)
		}
		wantRecords(t, s.Records(testDomain), txt("keep", "v"))
	}
}

func TestDELETEByTheShownFormAlone(t *testing.T) {
	t.Parallel()
	opts := Options{DeleteShownForm: true, Names: NamesRelative, QuotedValues: true}
	s := newTestServer(t, opts, txt("x.example.nl.", "v"))
	for _, sent := range []Record{txt("x.example.nl.", `"v"`), txt("x", "v"), txt("X", `"v"`)} {
		if got := remove(s, sent); got.code != 400 {
			t.Errorf("%+v: %d", sent, got.code)
		}
	}
	if got := remove(s, txt("x", `"v"`)); got.code != 200 {
		t.Errorf("the shown form: %d", got.code)
	}
}

func TestTheStatusOfAFailureCanBeText(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{StatusText: true})
	if p := serve(s, "GET", "/domains/other.nl/dns", "").parsed(t); p.Status != "error" {
		t.Errorf("a failure has the status %v", p.Status)
	}
	if p := serve(s, "GET", "/domains", "").parsed(t); p.Status != 200.0 {
		t.Errorf("a success has the status %v", p.Status)
	}
}

func TestTheMinimumTTL(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{MinTTL: 300})
	for ttl, code := range map[int]int{299: 400, 300: 200} {
		if got := patch(s, Record{"TXT", "x", "v", ttl}); got.code != code {
			t.Errorf("ttl %d: %d", ttl, got.code)
		}
	}
}

func TestReadsAreStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, young := txt("old.example.nl.", "v"), txt("young.example.nl.", "v")
		s := newTestServer(t, Options{StaleReads: 5 * time.Second}, old)
		patch(s, young)
		wantRecords(t, read(t, s), old)
		wantRecords(t, s.Records(testDomain), old, young)
		pass(5*time.Second - 1)
		wantRecords(t, read(t, s), old)
		pass(1)
		wantRecords(t, read(t, s), old, young)
		remove(s, old)
		wantRecords(t, read(t, s), old, young)
		pass(5 * time.Second)
		wantRecords(t, read(t, s), young)
	})
}

func TestReplicasDiffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Options{StaleReads: 5 * time.Second, ReplicaJitter: true})
		young := txt("young.example.nl.", "v")
		patch(s, young)
		wantRecords(t, read(t, s), young)
		wantRecords(t, read(t, s))
		wantRecords(t, read(t, s), young)
	})
}

func TestReadsAreShortOrEmptyAfterAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := txt("a.example.nl.", "v"), txt("b.example.nl.", "v")
		s := newTestServer(t, Options{EmptyAfterWrite: time.Second, ShortAfterWrite: 2 * time.Second}, a)
		s.AddRecord(testDomain, b)
		wantRecords(t, read(t, s), a, b) // only the API's writes count
		patch(s, a)
		wantRecords(t, read(t, s))
		pass(time.Second)
		wantRecords(t, read(t, s), a)
		pass(time.Second)
		wantRecords(t, read(t, s), a, b)
	})
}

func TestReadingsCanBeChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, Options{}, txt("x", "v"))
	s.Reconfigure(func(o *Options) { o.Names = NamesAsWritten })
	wantRecords(t, read(t, s), txt("x", "v"))
}

func TestEveryReadingIsADifferentOne(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for opts := range EveryReading() {
		if seen[opts.String()] {
			t.Errorf("%s twice", opts)
		}
		seen[opts.String()] = true
	}
	if len(seen) != 2*3*3*2*3*2*2 || !seen["likely"] {
		t.Errorf("%d readings", len(seen))
	}
}
