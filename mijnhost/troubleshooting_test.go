package mijnhost_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// TestTroubleshootingTellsTheVeryMessages: what the document quotes of an API that is in trouble comes out of the code,
// word for word.
func TestTroubleshootingTellsTheVeryMessages(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]mijnhosttest.Kind{
		"too many calls": mijnhosttest.RateLimited(nil),
		"an outage":      mijnhosttest.StatusSaying(500, "Internal server error"),
		"a page":         mijnhosttest.HTMLPage(502),
		"no answer":      mijnhosttest.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				b.api.Inject(mijnhosttest.Fault{Kind: fault})
				err := b.add("value")
				if err == nil || !strings.Contains(string(document), "\n"+err.Error()+"\n") {
					b.Errorf("docs/troubleshooting.md does not tell %q", err)
				}
			})
		})
	}
}
