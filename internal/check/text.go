package check

import (
	"fmt"
	"io"
	"strings"
)

// Text writes results as text.
type Text struct {
	out   io.Writer
	fixes map[string]bool // written so far
	err   error           // the first of writing
}

// NewText returns a Text that writes to out.
func NewText(out io.Writer) *Text { return &Text{out: out, fixes: map[string]bool{}} }

// Err returns the first error of writing.
func (t *Text) Err() error { return t.err }

func (t *Text) write(text string) {
	if t.err == nil {
		_, t.err = io.WriteString(t.out, text)
	}
}

// Heading starts the steps of a name, if there are several.
func (t *Text) Heading(name string) { t.write("\n" + name + "\n") }

// Step writes a line with the result, and one with the fix if there is one. It writes each fix in full once.
func (t *Text) Step(s Step) {
	text := mark(s.Status) + " " + s.Summary + "\n"
	switch {
	case s.Remedy == "":
	case t.fixes[s.Remedy]:
		text += "  Fix: see above.\n"
	default:
		t.fixes[s.Remedy] = true
		text += "  Fix: " + s.Remedy + "\n"
	}
	t.write(text)
}

func mark(s Status) string {
	switch s {
	case OK:
		return "✓"
	case Problem:
		return "✗"
	default:
		return "–"
	}
}

// Conclusion writes what follows the steps of a name: the notes, the API's behaviour and the outcome.
func (t *Text) Conclusion(r *Result) {
	var b strings.Builder
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	if r.API != nil {
		fmt.Fprintf(&b, "\nBehaviour of the %s API, measured on the probe record only:\n", r.host)
		for _, line := range r.API.Sentences() {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", conclusion(r))
	t.write(b.String())
}

// Origin writes the last line of the report: the program and its number of API calls.
func (t *Text) Origin(version, commit string, calls int64) {
	if commit != "" {
		version += " (commit " + commit + ")"
	}
	t.write(fmt.Sprintf("Checked by version %s with %s to the API. This report can be shared: it contains the names and records shown above, "+
		"and no API key or IP address.\n", version, plural(int(calls), "call", "calls")))
}

func conclusion(r *Result) string {
	problems, unknown := 0, 0
	for _, s := range r.Steps {
		switch s.Status {
		case Problem:
			problems++
		case Unknown:
			unknown++
		case OK, Skipped:
		}
	}
	switch r.Outcome {
	case Well:
		return "All is well."
	case Trouble:
		return plural(problems, "problem", "problems") + " found."
	default:
		if unknown == 0 {
			return "No problem found, but the check is incomplete."
		}
		return fmt.Sprintf("No problem found, but %s inconclusive.", plural(unknown, "step was", "steps were"))
	}
}
