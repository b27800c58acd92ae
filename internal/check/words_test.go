package check

import "testing"

// Notes, summaries and fixes can quote text from elsewhere.
func TestWithoutAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"not allowed from 203.0.113.7":      "not allowed from (an IP address)",
		"ip=203.0.113.7, port 443":          "ip=(an IP address), port 443",
		"address:203.0.113.7.":              "address:(an IP address).",
		"see https://203.0.113.7/x":         "see https://(an IP address)/x",
		"203.0.113.7,203.0.113.8":           "(an IP address),(an IP address)",
		"203.0.113.7:51234":                 "(an IP address)",
		"203.0.113.0/24":                    "(an IP address)",
		"from 2001:db8::7":                  "from (an IP address)",
		"from [2001:db8::7]:443":            "from [(an IP address)]:443",
		"from ::1":                          "from (an IP address)",
		"abc.de at 10:00:00 has 1.5 faults": "abc.de at 10:00:00 has 1.5 faults",
	} {
		c := &Check{Result: &Result{}}
		c.Note(text)
		c.Step(StepKey, Problem, text, text)
		for _, got := range []string{c.Result.Notes[0], c.Result.Steps[0].Summary, c.Result.Steps[0].Remedy} {
			if got != want {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "at once", 0.4: "at once", 0.5: "after 0 s", 1: "after 1 s", 6.6: "after 7 s"} {
		if got := After(seconds); got != want {
			t.Errorf("%g: got %q, want %q", seconds, got, want)
		}
	}
}

func TestConclusion(t *testing.T) {
	t.Parallel()
	for want, statuses := range map[string][]Status{
		"All is well.":      {OK, Skipped},
		"1 problem found.":  {Unknown, Problem, Unknown},
		"2 problems found.": {Problem, Problem},
		"No problem found, but 1 step was inconclusive.":   {OK, Unknown},
		"No problem found, but 2 steps were inconclusive.": {Unknown, Unknown},
	} {
		r := &Result{}
		for _, status := range statuses {
			r.Steps = append(r.Steps, Step{Status: status})
		}
		r.Outcome = outcome(r.Steps)
		if got := conclusion(r); got != want {
			t.Errorf("%v: got %q, want %q", statuses, got, want)
		}
	}
	if got, want := conclusion(&Result{Outcome: Unclear}), "No problem found, but the check is incomplete."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
