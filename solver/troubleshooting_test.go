package solver_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// TestTroubleshootingTellsTheVeryMessages: what the document quotes comes out of the code, word for word. The
// messages that take their time are in mijnhost's test of this name.
func TestTroubleshootingTellsTheVeryMessages(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for line := range strings.Lines(string(document)) {
		told[strings.TrimSpace(line)] = true
	}
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		spoil     func(world)
	}{
		"no Secret": {newChallenge(), func(w world) { w.cluster.deleteSecret() }},
		"no entry":  {newChallenge(), func(w world) { w.cluster.setSecret("cert-manager", "mijn-host-api-key", nil) }},
		"an empty entry": {newChallenge(), func(w world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": ""})
		}},
		"a forbidden one": {newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResourceNamespace = "team-a" }), func(w world) {
			w.cluster.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		}},
		"a misspelt field": {newChallenge(withConfig(`{"apikeySecretRef":{}}`)), func(world) {}},
		"no reference":     {newChallenge(withConfig(`{}`)), func(world) {}},
		"a TTL as string":  {newChallenge(withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":"60"}`)), func(world) {}},
		"a refused key":    {newChallenge(), func(w world) { w.api.RevokeKey(apiKey) }},
		"no domain":        {newChallenge(), func(w world) { w.api.RemoveDomain("example.nl") }},
		"DNS elsewhere":    {newChallenge(), func(w world) { w.api.SetDNSElsewhere("example.nl") }},
		"a name in use": {newChallenge(), func(w world) {
			w.api.Reconfigure(func(o *mijnhosttest.Options) { o.Patch = mijnhosttest.PatchReplaces })
			w.must(w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "another" })))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.spoil(w)
			err := w.Present(c.challenge)
			if err == nil {
				t.Fatal("want an error")
			}
			message := err.Error()
			if _, own, ok := strings.Cut(message, "mijn-host-api-key: "); ok {
				message = own // without the words in which the solver wraps it
			}
			if !told[message] && !told[err.Error()] {
				t.Errorf("docs/troubleshooting.md does not tell %q", message)
			}
		})
	}
}
