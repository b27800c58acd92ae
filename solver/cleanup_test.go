package solver_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

func TestCleanUp_NothingLeftToRemove(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		setUp     func(world)
	}{
		"record absent":                 {newChallenge(), func(world) {}},
		"Secret deleted":                {newChallenge(), func(w world) { w.cluster.deleteSecret() }},
		"domain left the account":       {newChallenge(), func(w world) { w.api.RemoveDomain("example.nl") }},
		"domain uses other nameservers": {newChallenge(), func(w world) { w.api.SetDNSElsewhere("example.nl") }},
		"Secret now forbidden": {newChallenge(), func(w world) {
			w.cluster.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		}},
		"config names no Secret": {newChallenge(withConfig(`{}`)), func(world) {}},
		"invalid config":         {newChallenge(withConfig(`{"tll":1}`)), func(world) {}},
		"malformed FQDN":         {newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "x" }), func(world) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.setUp(w)
			w.must(w.CleanUp(c.challenge))
		})
	}
}

func TestCleanUp_FixableFailure(t *testing.T) {
	t.Parallel()
	for name, inject := range map[string]func(world){
		"key rejected":         func(w world) { w.api.RevokeKey(apiKey) },
		"API fails":            func(w world) { w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(403)}) },
		"Kubernetes API fails": func(w world) { w.cluster.fail(apierrors.NewInternalError(errors.New("no"))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(w.Present(newChallenge()))
			inject(w)
			if err := w.CleanUp(newChallenge()); err == nil {
				t.Error("want an error")
			}
		})
	}
}

// TestCleanUp_UnusableSecret: another process presented, so clean-up waits until the Secret has a valid key.
func TestCleanUp_UnusableSecret(t *testing.T) {
	t.Parallel()
	for want, entries := range map[string]map[string]string{
		"key X in Secret cert-manager/mijn-host-api-key is not found":                                           nil,
		"key X in Secret cert-manager/mijn-host-api-key is empty":                                               {"api-key": ""},
		"key X in Secret cert-manager/mijn-host-api-key is quoted: remove the quotes":                           {"api-key": `"` + apiKey + `"`},
		"key X in Secret cert-manager/mijn-host-api-key contains characters that are not allowed in an API key": {"api-key": "two words"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(w.newSolver().Present(newChallenge()))
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", entries)
			if err := w.CleanUp(newChallenge()); err == nil || err.Error() != strings.Replace(want, "X", "api-key", 1) {
				t.Errorf("got error %v, want %s", err, want)
			}
			w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": apiKey})
			w.must(w.CleanUp(newChallenge()))
			w.wantValues()
		})
	}
}

func TestCleanUp_SecretGoneUsesKeyOfPresent(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(*cluster){
		"deleted": func(c *cluster) { c.deleteSecret() },
		"emptied": func(c *cluster) { c.setSecret("cert-manager", "mijn-host-api-key", nil) },
		"forbidden": func(c *cluster) {
			c.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(w.Present(newChallenge()))
			remove(w.cluster)
			w.must(w.CleanUp(newChallenge()))
			w.wantValues()
		})
	}
}

func TestCleanUp_NoKeyLeavesRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Present(newChallenge()))
	w.cluster.deleteSecret()
	w.must(w.newSolver().CleanUp(newChallenge()))
	w.wantValues(fqdn + "=" + newChallenge().Key)
}

// TestCleanUp_CNAMERemoved: cert-manager resolves CNAMEs again for the clean-up.
func TestCleanUp_CNAMERemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "delegated.example.nl." })))
	w.must(w.CleanUp(newChallenge()))
	w.wantValues()
}

// TestCleanUp_CNAMEChanged: the new target is unusable, so only the name that Present used counts.
func TestCleanUp_CNAMEChanged(t *testing.T) {
	t.Parallel()
	for name, elsewhere := range map[string]func(*whapi.ChallengeRequest){
		"target not in the allowed domains": func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN, ch.ResolvedZone = "x.example.org.", "example.org." },
		"target not in the account":         func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN, ch.ResolvedZone = "x.allowed.nl.", "allowed.nl." },
		"target malformed":                  func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := &observed{}
			w := newWorld(t, func(o *solver.Options) {
				o.AllowedDomains, o.Observer = []string{"example.nl", "allowed.nl"}, results
			})
			w.must(w.Present(newChallenge()))
			w.must(w.CleanUp(newChallenge(elsewhere)))
			w.wantValues()
			if want := []solver.Result{solver.ResultSuccess, solver.ResultSuccess}; !slices.Equal(results.all, want) {
				t.Errorf("results: got %q, want %q", results.all, want)
			}
			if results.presented != 0 {
				t.Errorf("got %d presented values, want 0", results.presented)
			}
		})
	}
}

func TestCleanUp_OneOfTwoNamesFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.AddAccount(apiKey, "other.nl")
	w.must(w.Present(newChallenge()))
	w.api.Inject(mijnhosttest.Fault{Domain: "other.nl", Kind: mijnhosttest.Status(403)})
	elsewhere := newChallenge(func(ch *whapi.ChallengeRequest) {
		ch.ResolvedFQDN, ch.ResolvedZone = "_acme-challenge.other.nl.", "other.nl."
	})
	if err := w.CleanUp(elsewhere); err == nil {
		t.Error("got no error, want that of the failing name")
	}
	w.wantValues()
}

// TestCleanUp_BothNamesFail expects the error of the current name.
func TestCleanUp_BothNamesFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.AddAccount(apiKey, "other.nl")
	w.must(w.Present(newChallenge()))
	w.api.Inject(mijnhosttest.Fault{Domain: "other.nl", Kind: mijnhosttest.StatusMessage(403, "first")})
	w.api.Inject(mijnhosttest.Fault{Domain: "example.nl", Kind: mijnhosttest.StatusMessage(403, "second")})
	err := w.CleanUp(newChallenge(func(ch *whapi.ChallengeRequest) {
		ch.ResolvedFQDN, ch.ResolvedZone = "_acme-challenge.other.nl.", "other.nl."
	}))
	if err == nil || !strings.HasSuffix(err.Error(), "(HTTP 403: first)") && !strings.HasSuffix(err.Error(), "HTTP 403: first") {
		t.Errorf("got error %v, want the first", err)
	}
}

// observed is an Observer that records results.
type observed struct {
	all       []solver.Result
	presented int
}

func (o *observed) ChallengeAnswered(_ solver.Action, result solver.Result, _ string, _ time.Duration) {
	o.all = append(o.all, result)
}

func (o *observed) ValuesPresented(change int) { o.presented += change }

func TestCleanUp_RemovesOnlyOwnValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wildcard := newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "of-the-wildcard" })
	w.must(w.Present(newChallenge()))
	w.must(w.Present(wildcard))
	w.must(w.CleanUp(newChallenge()))
	w.wantValues(fqdn + "=of-the-wildcard")
}

func TestPresent_NameInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Solver = w.newSolver(func(o *solver.Options) {
		o.Provider = mijnhost.NewProvider(mijnhost.Options{BaseURL: w.api.URL()})
	})
	w.must(w.Present(newChallenge()))
	err := w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "of-the-wildcard" }))
	if !errors.Is(err, mijnhost.ErrNameInUse) {
		t.Errorf("got error %v, want ErrNameInUse", err)
	}
	w.wantValues(fqdn + "=" + newChallenge().Key)
}

// TestCleanUp_Warning expects a warning only if the record may exist.
func TestCleanUp_Warning(t *testing.T) {
	t.Parallel()
	notAllowed := func(o *solver.Options) { o.AllowedDomains = []string{"example.org"} }
	for name, c := range map[string]struct {
		challenge *whapi.ChallengeRequest
		change    func(*solver.Options)
		setUp     func(world)
		presented bool // status.presented of the Challenge
		want      solver.Result
	}{
		"Secret deleted":              {newChallenge(), nil, func(w world) { w.cluster.deleteSecret() }, true, solver.ResultGivenUp},
		"Secret never existed":        {newChallenge(), nil, func(w world) { w.cluster.deleteSecret() }, false, solver.ResultSuccess},
		"domain left the account":     {newChallenge(), nil, func(w world) { w.api.RemoveDomain("example.nl") }, true, solver.ResultGivenUp},
		"domain never in the account": {newChallenge(), nil, func(w world) { w.api.RemoveDomain("example.nl") }, false, solver.ResultSuccess},
		"domain no longer allowed":    {newChallenge(), notAllowed, func(world) {}, true, solver.ResultGivenUp},
		"domain never allowed":        {newChallenge(), notAllowed, func(world) {}, false, solver.ResultSuccess},
		"invalid config":              {newChallenge(withConfig(`{"tll":1}`)), nil, func(world) {}, true, solver.ResultSuccess},
		"malformed FQDN": {
			newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = "x" }), nil, func(world) {}, true, solver.ResultSuccess,
		},
		"Challenges forbidden": {newChallenge(), nil, func(w world) {
			w.cluster.fail(apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no")))
		}, false, solver.ResultGivenUp},
		"Present rejected": {newChallenge(), nil, func(w world) {
			w.api.RevokeKey(apiKey)
			if w.Present(newChallenge()) == nil {
				w.Error("Present: got no error, want one")
			}
			w.cluster.deleteSecret()
		}, false, solver.ResultSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := &observed{}
			w := newWorld(t)
			challenges := &solver.Challenges{}
			w.Solver = w.newSolver(func(o *solver.Options) {
				o.Challenges, o.Observer = challenges, results
				if c.change != nil {
					c.change(o)
				}
			})
			w.cluster.addChallenge(testChallenge{"cert-manager", "c", "DNS-01", c.challenge.Key, "pending", true, c.presented})
			c.setUp(w)
			w.must(w.CleanUp(c.challenge))
			if got := results.all[len(results.all)-1]; got != c.want {
				t.Errorf("got result %q, want %q", got, c.want)
			}
		})
	}
}

// TestCleanUp_WarningWithoutChallenge: another process may have presented a Challenge that no longer exists.
func TestCleanUp_WarningWithoutChallenge(t *testing.T) {
	t.Parallel()
	results := &observed{}
	w := newWorld(t)
	w.Solver = w.newSolver(func(o *solver.Options) { o.Challenges, o.Observer = &solver.Challenges{}, results })
	w.cluster.deleteSecret()
	w.must(w.CleanUp(newChallenge()))
	if want := []solver.Result{solver.ResultGivenUp}; !slices.Equal(results.all, want) {
		t.Errorf("results: got %q, want %q", results.all, want)
	}
}

// TestCleanUp_UncertainPresent: a failed Present may have written the record, so the solver remembers its key.
func TestCleanUp_UncertainPresent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.Inject(mijnhosttest.Fault{Method: "PATCH", Kind: mijnhosttest.Endless()})
	if err := w.Present(newChallenge()); err == nil {
		t.Fatal("want an error")
	}
	w.api.ClearFaults()
	w.cluster.deleteSecret()
	w.must(w.CleanUp(newChallenge()))
	w.wantValues()
}

// TestCleanUp_RememberedKeyRejected: the Secret is deleted and its key revoked, so no retry can succeed.
func TestCleanUp_RememberedKeyRejected(t *testing.T) {
	t.Parallel()
	results := &observed{}
	w := newWorld(t, func(o *solver.Options) { o.Observer = results })
	w.must(w.Present(newChallenge()))
	w.api.RevokeKey(apiKey)
	if err := w.CleanUp(newChallenge()); err == nil {
		t.Error("got no error, want one while the Secret can be fixed")
	}
	w.cluster.deleteSecret()
	w.must(w.CleanUp(newChallenge()))
	if want := []solver.Result{solver.ResultSuccess, solver.ResultError, solver.ResultGivenUp}; !slices.Equal(results.all, want) {
		t.Errorf("results: got %q, want %q", results.all, want)
	}
	if results.presented != 0 {
		t.Errorf("got %d presented values, want 0", results.presented)
	}
}

// The Secret still exists and can be fixed, so clean-up must retry.
func TestCleanUp_RememberedKeyRejectedAndSecretInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Present(newChallenge()))
	w.api.RevokeKey(apiKey)
	w.cluster.setSecret("cert-manager", "mijn-host-api-key", nil)
	if err := w.CleanUp(newChallenge()); err == nil {
		t.Error("got no error, want one")
	}
}
