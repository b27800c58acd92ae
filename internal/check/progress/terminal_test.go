package progress

import (
	"strings"
	"testing"
)

// Each step overwrites the line, and other output starts at its beginning.
func TestLine_Terminal(t *testing.T) {
	t.Parallel()
	const erase = "\r\x1b[K"
	var out strings.Builder
	line := &Line{out: &out, terminal: true}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{line.Clear, ""},
		{func() { line.Show("one") }, erase + "one"},
		{func() { line.Show("two") }, erase + "two"},
		{func() { line.Say("stays") }, erase + "stays\n"},
		{line.Clear, ""},
		{func() { line.Show("three") }, erase + "three"},
		{line.Clear, erase},
		{line.Clear, ""},
	} {
		out.Reset()
		step.do()
		if got := out.String(); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
}
