package check

import (
	"fmt"
	"io"
	"strings"
)

// WriteStep writes a step as text: a line with the result, and one with the fix if there is one.
func WriteStep(w io.Writer, s Step) error {
	text := mark(s.Status) + " " + s.Summary + "\n"
	if s.Remedy != "" {
		text += "  Fix: " + s.Remedy + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
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

// WriteRest writes what follows the steps: the notes, the API's behaviour and the conclusion.
func WriteRest(w io.Writer, r *Result) error {
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
	fmt.Fprintf(&b, "Checked by %s with %s to the API. This report can be shared: it contains the names and records shown above, "+
		"and no API key or IP address.\n",
		program(r), plural(int(r.APICalls), "call", "calls"))
	_, err := io.WriteString(w, b.String())
	return err
}

func program(r *Result) string {
	if r.Commit == "" {
		return "version " + r.Version
	}
	return fmt.Sprintf("version %s (commit %s)", r.Version, r.Commit)
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
