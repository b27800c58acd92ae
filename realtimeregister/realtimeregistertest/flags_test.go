package realtimeregistertest

import (
	"flag"
	"testing"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	var o Options
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(t.Output())
	Flags(f, &o)
	if err := f.Parse([]string{"-soa=reset", "-update=202", "-names=mixed", "-signs=none", "-show-template", "-dns-lag=1m"}); err != nil {
		t.Fatal(err)
	}
	if got, want := o.String(), "soa-reset,update-202,names-mixed,signs-none,show-template,dns-lag-1m0s"; got != want {
		t.Errorf("got %s", got)
	}
	if f.Parse([]string{"-soa=perhaps"}) == nil {
		t.Error("-soa=perhaps: want an error")
	}
}

func TestEachReading_AllDiffer(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, o := range EachReading() {
		names[o.String()] = true
	}
	if len(names) != len(EachReading()) {
		t.Errorf("got %d names for %d readings", len(names), len(EachReading()))
	}
}
