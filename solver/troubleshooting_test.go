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

// TestTroubleshootingMessages checks that the page quotes exactly the messages of this package. Package mijnhost checks those
// about mijn.host; here only their beginning is checked.
func TestTroubleshootingMessages(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	told := troubleshootingtest.Quotes(t, "The webhook(?:'s log)? says")
	var said []string
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		spoil     func(*world)
	}{
		"no Secret": {newChallenge(), func(w *world) { w.cluster.deleteSecret() }},
		"no entry":  {newChallenge(), func(w *world) { w.cluster.setSecret("cert-manager", "mijn-host-api-key", nil) }},
		"an empty entry": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": ""})
		}},
		"an entry within quotes": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": `"` + apiKey + `"`})
		}},
		"an entry that is no key": {newChallenge(), func(w *world) {
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": "two words"})
		}},
		"a forbidden one": {newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResourceNamespace = "team-a" }), func(w *world) {
			w.cluster.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		}},
		"a cluster that is down": {newChallenge(), func(w *world) { w.cluster.fail(apierrors.NewInternalError(errors.New("no"))) }},
		"a misspelt field":       {newChallenge(withConfig(`{"apikeySecretRef":{}}`)), func(*world) {}},
		"no reference":           {newChallenge(withConfig(`{}`)), func(*world) {}},
		"a TTL as string":        {newChallenge(withConfig(`{"apiKeySecretRef":{"name":"a","key":"b"},"ttl":"60"}`)), func(*world) {}},
		"a domain that is not allowed": {newChallenge(), func(w *world) {
			w.Solver = w.newSolver(func(o *solver.Options) { o.AllowedDomains = []string{"example.org"} })
		}},
		"a refused key": {newChallenge(), func(w *world) { w.api.RevokeKey(apiKey) }},
		"Challenges that cannot be listed": {newChallenge(), func(w *world) {
			w.must(w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "of-the-wildcard" })))
			w.Solver = w.newSolver(func(o *solver.Options) {
				o.Provider = mijnhost.NewProvider(mijnhost.Options{BaseURL: w.api.URL(), Needed: (&solver.Challenges{}).Needed})
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.spoil(&w)
			failures := []error{w.Present(c.challenge)}
			if name == "a refused key" {
				failures = append(failures, w.CleanUp(c.challenge))
			}
			for _, err := range failures {
				if err == nil {
					t.Fatal("want an error")
				}
				message := err.Error()
				switch beginning, rest, ok := strings.Cut(message, "mijn-host-api-key: "); {
				case !ok || strings.HasPrefix(rest, "list its name"):
				case strings.HasPrefix(rest, "mijn.host "):
					message = beginning + "mijn-host-api-key: …"
				default:
					message = rest
				}
				if !slices.Contains(told, message) {
					t.Errorf("docs/guides/troubleshooting.md does not contain %q", message)
				}
				said = append(said, message)
			}
		})
	}
	w := newWorld(t)
	w.cluster.deleteSecret()
	for _, line := range logged(t, 0, func() { w.must(w.CleanUp(newChallenge())) }) {
		said = append(said, strings.Split(line, `"`)[1])
	}
	for _, message := range told {
		if !slices.Contains(said, message) {
			t.Errorf("docs/guides/troubleshooting.md quotes %q, which this package never returns", message)
		}
	}
}
