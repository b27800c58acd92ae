package check

import (
	"fmt"
	"io"
	"strings"
)

// WriteStep writes a step for people: a line with what was found, and one with the remedy if there is any.
func WriteStep(w io.Writer, s Step) error {
	text := mark(s.Status) + " " + s.Summary + "\n"
	if s.Remedy != "" {
		text += "  Remedy: " + s.Remedy + "\n"
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

// WriteRest writes what follows the steps: the notes, how the API behaved, and the sum of it all.
func WriteRest(w io.Writer, r *Result) error {
	var b strings.Builder
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note: %s\n", note)
	}
	if r.API != nil {
		b.WriteString("\nWhat the mijn.host API does, measured on the probe record alone:\n")
		untold := false
		for _, line := range r.API.sentences() {
			if strings.HasSuffix(line, couldNotBeTold) {
				untold = true
				continue
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if untold {
			b.WriteString("  The rest could not be told.\n")
		}
	}
	fmt.Fprintf(&b, "\n%s\n", conclusion(r))
	fmt.Fprintf(&b, "Checked by version %s with %s to the API. This report names the domain, its nameservers and CAs. "+
		"It holds no API key, no IP address and no record but the probe's: it can be pasted into an issue.\n",
		r.Version, plural(int(r.APICalls), "call", "calls"))
	_, err := io.WriteString(w, b.String())
	return err
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
			return "No problem found, but not everything could be looked at."
		}
		return fmt.Sprintf("No problem found, but %s could not be told.", plural(unknown, "thing", "things"))
	}
}

const couldNotBeTold = "could not be told."

// sentences reads a Behaviour out.
func (b *Behaviour) sentences() []string {
	noCopies := couldNotBeTold
	if b.PatchSameValue == keeps || b.PatchSameValue == fails {
		noCopies = "there can be none."
	}
	return []string{
		"A second value under one name: " + told(b.PatchSecondValue, map[string]string{
			adds:     "PATCH adds it beside the first.",
			replaces: "PATCH replaces the first with it.",
			fails:    "PATCH refuses it.",
		}),
		"The same value once more: " + told(b.PatchSameValue, map[string]string{
			keeps:      "PATCH keeps one copy.",
			duplicates: "PATCH makes a second copy.",
			fails:      "PATCH refuses it.",
		}),
		"A record that is not there: " + told(b.DeleteAbsent, map[string]string{
			succeeds: "DELETE succeeds.",
			fails:    fmt.Sprintf("DELETE fails with HTTP %d.", b.DeleteAbsentStatus),
		}),
		"A record in another form than it is shown: " + told(b.DeleteMatches, map[string]string{
			anyForm: "DELETE finds it.",
			asShown: "DELETE does not find it.",
		}),
		"Several copies of one record: " + told(b.DeleteCopies, map[string]string{
			"":        noCopies,
			oneCopy:   "DELETE removes one.",
			allCopies: "DELETE removes all.",
		}),
		"Names of records: " + told(b.Names, map[string]string{
			formAbsolute: "shown absolute, with a final dot.",
			formNoDot:    "shown absolute, without a final dot.",
			formRelative: "shown relative to the domain.",
			asWritten:    "shown as they were written.",
		}),
		"Values of TXT records: " + told(b.Values, map[string]string{
			barely: "shown without quotes.",
			quoted: "shown within quotes.",
		}),
		b.ttlSentence(),
		b.Reads.freshness(),
		b.Reads.completeness(),
	}
}

func told(found string, words map[string]string) string {
	if sentence, ok := words[found]; ok {
		return sentence
	}
	return couldNotBeTold
}

func (b *Behaviour) ttlSentence() string {
	switch b.TTLShown {
	case 0:
		return "The TTL: " + couldNotBeTold
	case b.TTLSent:
		return fmt.Sprintf("The TTL: %d s was taken as it was sent.", b.TTLSent)
	default:
		return fmt.Sprintf("The TTL: %d s was sent, and %d s is shown.", b.TTLSent, b.TTLShown)
	}
}

func (r Reads) freshness() string {
	if r.SettledAfter == nil {
		return "Reads after a write: " + couldNotBeTold
	}
	text := fmt.Sprintf("Reads after a write: all show it %s.", after(*r.SettledAfter))
	if r.StaleFor > 0 {
		text += fmt.Sprintf(" The last stale read came %s after the write.", spoken(r.StaleFor))
	}
	if r.Disagree {
		text += " Until then, one read showed it and a later one did not."
	}
	return text
}

func (r Reads) completeness() string {
	const what = "The zone's other records after a write: "
	switch r.Incomplete {
	case incompleteNo:
		return what + "always shown."
	case incompleteShort:
		return fmt.Sprintf("%ssome were left out for %s.", what, spoken(r.IncompleteFor))
	case incompleteEmpty:
		return fmt.Sprintf("%sall were left out for %s.", what, spoken(r.IncompleteFor))
	default:
		return what + "there are none to tell by."
	}
}
