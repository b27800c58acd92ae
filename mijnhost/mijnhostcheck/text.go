package mijnhostcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

const inconclusive = "inconclusive."

// Sentences reads a Behaviour out.
func (b *Behaviour) Sentences() []string {
	all := b.sentences()
	lines := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return strings.HasSuffix(line, inconclusive) })
	if len(lines) < len(all) {
		lines = append(lines, "The rest is inconclusive.")
	}
	return lines
}

func (b *Behaviour) sentences() []string {
	noCopies := inconclusive
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
	return inconclusive
}

func (b *Behaviour) ttlSentence() string {
	switch b.TTLShown {
	case 0:
		return "The TTL: " + inconclusive
	case b.TTLSent:
		return fmt.Sprintf("The TTL: %d s was taken as it was sent.", b.TTLSent)
	default:
		return fmt.Sprintf("The TTL: %d s was sent, and %d s is shown.", b.TTLSent, b.TTLShown)
	}
}

func (r Reads) freshness() string {
	if r.SettledAfter == nil {
		return "Reads after a write: " + inconclusive
	}
	text := fmt.Sprintf("Reads after a write: all show it %s.", check.After(*r.SettledAfter))
	if r.StaleFor > 0 {
		text += fmt.Sprintf(" The last stale read came %s after the write.", check.Spoken(r.StaleFor))
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
		return fmt.Sprintf("%ssome were left out for %s.", what, check.Spoken(r.IncompleteFor))
	case incompleteEmpty:
		return fmt.Sprintf("%sall were left out for %s.", what, check.Spoken(r.IncompleteFor))
	default:
		return what + "there are none to tell by."
	}
}
