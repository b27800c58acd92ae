package check_test

import (
	"slices"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

func TestSplitList_KeepsEmptyNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{"": nil, " ": nil, "a.nl": {"a.nl"}, " a.nl, b.nl ": {"a.nl", "b.nl"}, ",": {"", ""}} {
		if got := check.SplitList(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
