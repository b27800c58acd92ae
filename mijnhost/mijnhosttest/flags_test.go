package mijnhosttest

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
	if err := f.Parse([]string{
		"-patch=replaces", "-patch-same=fails", "-delete-absent=not-found", "-names=relative", "-quoted-values", "-dns-lag=1m",
		"-patch-of=A.nl=adds", "-patch-of=b.nl=replaces", "-status-zero", "-success-202", "-empty-data", "-wrong-method-405", "-no-whoami",
		"-omit-managed-dns", "-domains=unicode", "-max-domains=3",
	}); err != nil {
		t.Fatal(err)
	}
	if got, want := o.String(), "patch-replaces,patch-adds-in-a.nl,patch-replaces-in-b.nl,same-fails,absent-not-found,names-relative,quoted,"+
		"status-zero,202,empty-data,405,no-whoami,no-managed-dns,domains-unicode,max-domains-3,dns-lag-1m0s"; got != want {
		t.Errorf("got %s", got)
	}
	for _, wrong := range []string{"-patch=perhaps", "-patch-of=a.nl", "-patch-of==adds", "-patch-of=a.nl=perhaps"} {
		if f.Parse([]string{wrong}) == nil {
			t.Errorf("%s: want an error", wrong)
		}
	}
}
