package mijnhostcheck_test

import (
	"slices"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
)

func TestBehaviour_Sentences(t *testing.T) {
	t.Parallel()
	settled := 7.0
	for name, c := range map[string]struct {
		behaviour mijnhostcheck.Behaviour
		want      []string
	}{
		"nothing measured": {mijnhostcheck.Behaviour{}, []string{"Other records after a write: the zone has none.", "Other measurements: inconclusive."}},
		"everything, no duplicates": {
			mijnhostcheck.Behaviour{
				PatchSecondValue: "replaces", PatchSameValue: "fails", DeleteAbsent: "fails", DeleteAbsentStatus: 404, DeleteMatches: "as-shown",
				Names: "as-written", Values: "quoted", TTLSent: 60, TTLShown: 300,
				Reads: mijnhostcheck.Reads{SettledAfter: &settled, StaleFor: 5, Disagree: true, Incomplete: "short", IncompleteFor: 3},
			},
			[]string{
				"Second value in an RRset: PATCH replaces the first.",
				"Same value again: PATCH refuses it.",
				"Missing record: DELETE fails with HTTP 404.",
				"Record in another form than shown: DELETE does not find it.",
				"Duplicates of a record: cannot exist.",
				"Record names: as written.",
				"TXT values: in quotes.",
				"TTL: 300 s; 60 s was sent.",
				"Reads after a write: consistent after 7 s. The last stale read was 5 s after the write. Before that, a read showed the write and a later one did not.",
				"Other records after a write: some missing for 3 s.",
			},
		},
		"everything, duplicates": {
			mijnhostcheck.Behaviour{
				PatchSecondValue: "adds", PatchSameValue: "duplicates", DeleteAbsent: "succeeds", DeleteMatches: "any-form", DeleteCopies: "one",
				Names: "relative", Values: "bare", TTLSent: 120, TTLShown: 120,
				Reads: mijnhostcheck.Reads{SettledAfter: new(float64), Incomplete: "empty", IncompleteFor: 4},
			},
			[]string{
				"Second value in an RRset: PATCH adds it.",
				"Same value again: PATCH makes a second copy.",
				"Missing record: DELETE succeeds.",
				"Record in another form than shown: DELETE finds it.",
				"Duplicates of a record: DELETE removes one.",
				"Record names: relative to the domain.",
				"TXT values: without quotes.",
				"TTL: 120 s, as sent.",
				"Reads after a write: consistent at once.",
				"Other records after a write: all missing for 4 s.",
			},
		},
		"other forms": {
			mijnhostcheck.Behaviour{DeleteCopies: "all", Names: "absolute-without-dot", Reads: mijnhostcheck.Reads{Incomplete: "no"}},
			[]string{
				"Duplicates of a record: DELETE removes all.",
				"Record names: absolute, without a final dot.",
				"Other records after a write: always shown.",
				"Other measurements: inconclusive.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.behaviour.Sentences(); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
