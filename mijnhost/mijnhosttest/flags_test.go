package mijnhosttest

import (
	"flag"
	"testing"
)

func TestReadingsAreFlags(t *testing.T) {
	t.Parallel()
	var o Options
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(t.Output())
	Flags(f, &o)
	if err := f.Parse([]string{
		"-patch=replaces", "-patch-same=fails", "-delete-absent=not-found", "-names=relative", "-quoted-values", "-dns-lag=1m",
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := o.String(), "patch-replaces,same-fails,absent-not-found,names-relative,quoted,dns-lag-1m0s"; got != want {
		t.Errorf("got %s", got)
	}
	if f.Parse([]string{"-patch=perhaps"}) == nil {
		t.Error("an unknown word was taken")
	}
}
