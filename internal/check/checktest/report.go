package checktest

import (
	"slices"
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// Text returns the report as a user reads it.
func Text(t *testing.T, r *check.Result) string {
	t.Helper()
	var b strings.Builder
	text := check.NewText(&b)
	for _, s := range r.Steps {
		text.Step(s)
	}
	text.Conclusion(r)
	text.Origin(r.Version, r.Commit, r.APICalls)
	if err := text.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// StepOf returns a step of the report, if it has it.
func StepOf(r *check.Result, id check.StepID) (check.Step, bool) {
	i := slices.IndexFunc(r.Steps, func(s check.Step) bool { return s.ID == id })
	if i < 0 {
		return check.Step{}, false
	}
	return r.Steps[i], true
}

// WantStep requires that a step has the status, that its lines contain the words, and that a problem has a remedy.
func WantStep(t *testing.T, r *check.Result, id check.StepID, status check.Status, words ...string) {
	t.Helper()
	s, ok := StepOf(r, id)
	if !ok || s.Status != status {
		t.Errorf("step %s: got %q, want %q in\n%s", id, s.Status, status, Text(t, r))
	}
	for _, word := range words {
		if !strings.Contains(s.Summary+"\n"+s.Remedy, word) {
			t.Errorf("step %s lacks %q:\n%s\n%s", id, word, s.Summary, s.Remedy)
		}
	}
	if status == check.Problem && s.Remedy == "" {
		t.Errorf("step %s has no remedy: %s", id, s.Summary)
	}
}

// WantNoStep requires that the report does not have a step.
func WantNoStep(t *testing.T, r *check.Result, id check.StepID) {
	t.Helper()
	if _, ok := StepOf(r, id); ok {
		t.Errorf("unexpected step %s in\n%s", id, Text(t, r))
	}
}

// WantOutcome requires an outcome.
func WantOutcome(t *testing.T, r *check.Result, want check.Outcome) {
	t.Helper()
	if r.Outcome != want {
		t.Errorf("got outcome %q, want %q in\n%s", r.Outcome, want, Text(t, r))
	}
}

// WantNoStepAfterFailure requires that no step occurs twice, or uses what an earlier step failed to read or write.
func WantNoStepAfterFailure(t *testing.T, r *check.Result) {
	t.Helper()
	needs := map[check.StepID]check.StepID{
		check.StepDomain: check.StepKey, check.StepValues: check.StepManaged, check.StepWrite: check.StepManaged,
		check.StepRead: check.StepWrite, check.StepNameservers: check.StepRead,
	}
	status := map[check.StepID]check.Status{}
	for _, s := range r.Steps {
		if _, twice := status[s.ID]; twice || status[needs[s.ID]] != "" && status[needs[s.ID]] != check.OK {
			t.Errorf("unexpected step %s in\n%s", s.ID, Text(t, r))
		}
		status[s.ID] = s.Status
	}
}
