package binaries

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rest := new(bytes.Buffer)
		p := &progress{rest: rest}
		var reports []string
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		go p.report(ctx, func(done, of int) { reports = append(reports, fmt.Sprintf("%d of %d", done, of)) },
			func(context.Context) (int, error) { return 4, nil })
		for _, written := range []string{"unsafe\nk8s.io/api", "/core/v1\n# k8s.io/x\n", "x.go:1:2: no such thing\nk8s.io/z\n"} {
			if _, err := p.Write([]byte(written)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second)
		}
		synctest.Wait()
		if got, want := fmt.Sprint(reports), "[1 of 5 2 of 5]"; got != want {
			t.Errorf("reported %s, want %s", got, want)
		}
		if got, want := rest.String(), "# k8s.io/x\nx.go:1:2: no such thing\n"; got != want {
			t.Errorf("passed on %q, want %q", got, want)
		}
	})
}
