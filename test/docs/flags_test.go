package docs

import (
	"regexp"
	"strings"
	"testing"
)

// TestFlagsAreDocumented: docs/reference/flags.md lists every flag and environment variable of main.go.
func TestFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	page, source := read(t, "docs/reference/flags.md"), read(t, "main.go")
	found := 0
	for _, match := range regexp.MustCompile(`flags\.\w+\(&s\.\w+, "([a-z-]+)"`).FindAllStringSubmatch(source, -1) {
		found++
		if !strings.Contains(page, "| `--"+match[1]+"` |") {
			t.Errorf("docs/reference/flags.md does not list --%s", match[1])
		}
	}
	for _, match := range regexp.MustCompile(`Environment\s+= "([A-Z_]+)"|getenv\("([A-Z_]+)"\)`).FindAllStringSubmatch(source, -1) {
		found++
		if name := match[1] + match[2]; !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/reference/flags.md does not list %s", name)
		}
	}
	if found < 10 {
		t.Errorf("got %d flags and variables in main.go, want at least 10", found)
	}
}
