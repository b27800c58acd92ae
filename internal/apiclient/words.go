package apiclient

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
)

const maxWords = 200

var (
	// changing matches words that differ between responses with the same cause: a number, a duration, a date, a time, or an
	// identifier in hex or base 32.
	changing = regexp.MustCompile(`^((\d+(\.\d+)?[a-zA-Z]{0,7})+|[\dTZ:+./-]*\d[\dTZ:+./-]*|[0-9a-fA-F-]*\d[0-9a-fA-F-]*[0-9a-fA-F-]{6,}|[0-9A-Z]*\d[0-9A-Z]{15,})$`)
	// protocol matches a name with a version, such as HTTP/1.1.
	protocol = regexp.MustCompile(`^[A-Za-z]+/\d(\.\d)?$`)
)

// plainWords turns a message of the API into one line of at most 200 bytes, without the key, and constant for the same cause.
func plainWords(message, apiKey string) string {
	if apiKey != "" {
		message = strings.ReplaceAll(message, apiKey, "[API key]")
	}
	words := strings.FieldsFunc(message, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
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

// steady replaces the changing parts of a word with "#". It keeps an IP address, because users add it to the key's allow-list.
func steady(word string) string {
	bare := strings.Trim(word, `"'.,;:!?()[]`)
	if bare == "" || isIP(bare) || protocol.MatchString(bare) {
		return word
	}
	if _, err := netip.ParseAddrPort(bare); err == nil {
		return strings.Replace(word, bare, bare[:strings.LastIndex(bare, ":")]+":#", 1)
	}
	if changing.MatchString(bare) {
		return strings.Replace(word, bare, "#", 1)
	}
	return inPieces(word, `=,;/_()[]<>"'`, func(piece string) string {
		if isIP(piece) {
			return piece
		}
		return inPieces(piece, ":", func(piece string) string {
			if bare := strings.Trim(piece, ".!?"); changing.MatchString(bare) && !isIP(bare) {
				return strings.Replace(piece, bare, "#", 1)
			}
			return piece
		})
	})
}

// inPieces applies change to the text between separators.
func inPieces(text, separators string, change func(string) string) string {
	var changed strings.Builder
	for {
		end := strings.IndexAny(text, separators)
		if end < 0 {
			return changed.String() + change(text)
		}
		changed.WriteString(change(text[:end]) + text[end:end+1])
		text = text[end+1:]
	}
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
