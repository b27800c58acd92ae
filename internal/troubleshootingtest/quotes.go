// Package troubleshootingtest reads docs/guides/troubleshooting.md for the tests that compare it with the messages of the code.
package troubleshootingtest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// page is relative to the packages that use it, which are all directly below the root.
const page = "../docs/guides/troubleshooting.md"

// Quotes returns the lines of each block that follows introduction, a regular expression, and a colon.
func Quotes(t *testing.T, introduction string) []string {
	t.Helper()
	document, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range regexp.MustCompile(introduction+":\n\n```text\n([^`]*)\n```").FindAllSubmatch(document, -1) {
		lines = append(lines, strings.Split(string(block[1]), "\n")...)
	}
	return lines
}
