package mijnhost

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
)

const maxWords = 200

// changing matches a word that may differ from answer to answer although the cause is
// the same: a count, a date, a time of day, a span of time, or an identifier in hex.
var changing = regexp.MustCompile(`^(\d+(ms|s|m|h)?|[\dTZ:+./-]*\d[\dTZ:+./-]*|[0-9a-fA-F-]*\d[0-9a-fA-F-]*[0-9a-fA-F-]{6,})$`)

// plainWords makes the API's own words fit for an error message: one line, at
// most 200 bytes, without the key, and the same for the same cause.
func plainWords(said, apiKey string) string {
	if apiKey != "" {
		said = strings.ReplaceAll(said, apiKey, "[API key]")
	}
	words := strings.FieldsFunc(said, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
	length := 0
	for i, word := range words {
		words[i] = steady(word)
		length += len(words[i]) + 1
		if length > maxWords {
			words = append(words[:i], "…")
			break
		}
	}
	return strings.Join(words, " ")
}

// steady replaces a word that changes from answer to answer. An IP address stays:
// it is what has to be added to the key's allow-list.
func steady(word string) string {
	bare := strings.Trim(word, `"'.,;:!?()[]`)
	if bare == "" || !changing.MatchString(bare) {
		return word
	}
	if _, err := netip.ParseAddr(bare); err == nil {
		return word
	}
	return strings.Replace(word, bare, "#", 1)
}
