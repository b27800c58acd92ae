package mijnhostcheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

const inconclusive = "inconclusive."

// Sentences implements check.Behaviour.
func (b *Behaviour) Sentences() []string {
	all := b.sentences()
	lines := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return strings.HasSuffix(line, inconclusive) })
	if len(lines) < len(all) {
		lines = append(lines, "Other measurements: inconclusive.")
	}
	return lines
}

func (b *Behaviour) sentences() []string {
	noCopies := inconclusive
	if b.PatchSameValue == keeps || b.PatchSameValue == fails {
		noCopies = "cannot exist."
	}
	return []string{
		"Second value in an RRset: " + describe(b.PatchSecondValue, map[string]string{
			adds:     "PATCH adds it.",
			replaces: "PATCH replaces the first.",
			fails:    "PATCH refuses it.",
		}),
		"Same value again: " + describe(b.PatchSameValue, map[string]string{
			keeps:      "PATCH keeps one copy.",
			duplicates: "PATCH makes a second copy.",
			fails:      "PATCH refuses it.",
		}),
		"Missing record: " + describe(b.DeleteAbsent, map[string]string{
			succeeds: "DELETE succeeds.",
			fails:    fmt.Sprintf("DELETE fails with HTTP %d.", b.DeleteAbsentStatus),
		}),
		"Record in another form than shown: " + describe(b.DeleteMatches, map[string]string{
			anyForm: "DELETE finds it.",
			asShown: "DELETE does not find it.",
		}),
		"Duplicates of a record: " + describe(b.DeleteCopies, map[string]string{
			"":        noCopies,
			oneCopy:   "DELETE removes one.",
			allCopies: "DELETE removes all.",
		}),
		"Record names: " + describe(b.Names, map[string]string{
			formAbsolute: "absolute, with a final dot.",
			formNoDot:    "absolute, without a final dot.",
			formRelative: "relative to the domain.",
			asWritten:    "as written.",
		}),
		"TXT values: " + describe(b.Values, map[string]string{
			unquoted: "without quotes.",
			quoted:   "in quotes.",
		}),
		b.ttlSentence(),
		b.Reads.freshness(),
		b.Reads.completeness(),
	}
}

func describe(found string, words map[string]string) string {
	if sentence, ok := words[found]; ok {
		return sentence
	}
	return inconclusive
}

func (b *Behaviour) ttlSentence() string {
	switch b.TTLShown {
	case 0:
		return "TTL: " + inconclusive
	case b.TTLSent:
		return fmt.Sprintf("TTL: %d s, as sent.", b.TTLSent)
	default:
		return fmt.Sprintf("TTL: %[2]d s; %[1]d s was sent.", b.TTLSent, b.TTLShown)
	}
}

func (r Reads) freshness() string {
	if r.SettledAfter == nil {
		return "Reads after a write: " + inconclusive
	}
	text := fmt.Sprintf("Reads after a write: consistent %s.", check.After(*r.SettledAfter))
	if r.StaleFor > 0 {
		text += fmt.Sprintf(" The last stale read was %s after the write.", check.Spoken(r.StaleFor))
	}
	if r.Disagree {
		text += " Before that, a read showed the write and a later one did not."
	}
	return text
}

func (r Reads) completeness() string {
	const what = "Other records after a write: "
	switch r.Incomplete {
	case incompleteNo:
		return what + "always shown."
	case incompleteShort:
		return fmt.Sprintf("%ssome missing for %s.", what, check.Spoken(r.IncompleteFor))
	case incompleteEmpty:
		return fmt.Sprintf("%sall missing for %s.", what, check.Spoken(r.IncompleteFor))
	default:
		return what + "the zone has none."
	}
}
