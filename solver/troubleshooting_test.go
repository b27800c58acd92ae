package solver_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/troubleshootingtest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// TestTroubleshootingMessages checks that the page quotes exactly the messages of this package. For errors of mijn.host it
// checks only how they begin; package mijnhost checks the rest.
func TestTroubleshootingMessages(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	quoted := troubleshootingtest.Quotes(t, "The webhook(?:'s log)? says")
	var returned []string
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		setUp     func(*world)
	}{
		"Secret not found": {newChallenge(), func(w *world) { w.cluster.deleteSecret() }},
		"key not found":    {newChallenge(), func(w *world) { w.cluster.setSecret("cert-manager", "mijn-host-api-key", nil) }},
		"empty key": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": ""})
		}},
		"quoted key": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": `"` + apiKey + `"`})
		}},
		"malformed key": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": "two words"})
		}},
		"Secret forbidden": {newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResourceNamespace = "team-a" }), func(w *world) {
			w.cluster.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		}},
		"Kubernetes API fails": {newChallenge(), func(w *world) { w.cluster.fail(apierrors.NewInternalError(errors.New("no"))) }},
		"misspelt field":       {newChallenge(withConfig(`{"apikeySecretRef":{}}`)), func(*world) {}},
		"no apiKeySecretRef":   {newChallenge(withConfig(`{}`)), func(*world) {}},
		"TTL as string":        {newChallenge(withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":"60"}`)), func(*world) {}},
		"domain not allowed": {newChallenge(), func(w *world) {
			w.Solver = w.newSolver(func(o *solver.Options) { o.AllowedDomains = []string{"example.org"} })
		}},
		"key rejected": {newChallenge(), func(w *world) { w.api.RevokeKey(apiKey) }},
		"Challenges not listed": {newChallenge(), func(w *world) {
			w.must(w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "of-the-wildcard" })))
			w.Solver = w.newSolver(func(o *solver.Options) {
				o.Provider = mijnhost.NewProvider(mijnhost.Options{BaseURL: w.api.URL(), Needed: (&solver.Challenges{}).Needed})
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.setUp(&w)
			failures := []error{w.Present(c.challenge)}
			if name == "key rejected" {
				failures = append(failures, w.CleanUp(c.challenge))
			}
			for _, err := range failures {
				if err == nil {
					t.Fatal("got no error")
				}
				message := err.Error()
				switch beginning, rest, ok := strings.Cut(message, "mijn-host-api-key: "); {
				case !ok || strings.HasPrefix(rest, "list its name"):
				case strings.HasPrefix(rest, "mijn.host "):
					message = beginning + "mijn-host-api-key: …"
				default:
					message = rest
				}
				if !slices.Contains(quoted, message) {
					t.Errorf("docs/guides/troubleshooting.md does not contain %q", message)
				}
				returned = append(returned, message)
			}
		})
	}
	w := newWorld(t)
	w.cluster.deleteSecret()
	for _, line := range logged(t, 0, func() { w.must(w.CleanUp(newChallenge())) }) {
		returned = append(returned, strings.Split(line, `"`)[1])
	}
	for _, message := range quoted {
		if !slices.Contains(returned, message) {
			t.Errorf("docs/guides/troubleshooting.md quotes %q, which this package never returns", message)
		}
	}
}
