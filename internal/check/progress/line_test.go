package progress_test

import (
	"os"
	"strconv"
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
		for i := range 65 {
			line.Show(strconv.Itoa(i))
			<-time.After(time.Second)
		}
		line.Clear()
		line.Say("interrupted")
		if got, want := out.String(), "0\n30\n60\ninterrupted\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A file is not a terminal.
func TestLine_File(t *testing.T) {
	t.Parallel()
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	progress.NewLine(file).Show("waiting")
	if got, err := os.ReadFile(file.Name()); string(got) != "waiting\n" || err != nil {
		t.Errorf("got %q, %v, want one line", got, err)
	}
}
