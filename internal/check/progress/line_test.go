package progress_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/progress"
)

func TestLine_WithoutTerminal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		line := progress.NewLine(&out)
		for range 65 {
			line.Show("waiting")
			<-time.After(time.Second)
		}
		line.Clear()
		line.Say("interrupted")
		if got, want := out.String(), strings.Repeat("waiting\n", 3)+"interrupted\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
