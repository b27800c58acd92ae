package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// soon is enough for a certificate without cert-manager's self-check, even on a busy machine.
const soon = 90 * time.Second

func TestIssuance(t *testing.T) {
	s := newSuite(t)
	const (
		clusterKey = "key-of-the-cluster"
		teamKey    = "key-of-a-team"
	)
	for _, namespace := range []string{"team", "wrong-key"} {
		if err := s.CreateNamespace(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	secretsElsewhere := fmt.Sprintf(`secrets.namespaces={"team": [%q], "wrong-key": [%[1]q]}`, cluster.KeySecret)
	if err := s.InstallWebhook(withLimit(t, startLimit), s.Webhook(s.api.URL(), secretsElsewhere)); err != nil {
		t.Fatal(err)
	}
	s.create(t, cluster.NewKeySecret("cert-manager", clusterKey))
	quick := s.clusterIssuer(t, "quick", cluster.WithoutSelfCheck)

	t.Run("a name and its wildcard, with the self-check", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(clusterKey, "checked.nl")
		checking := s.clusterIssuer(t, "checking", cluster.WithSelfCheck)
		// The two challenges run in turn, and cert-manager waits for a minute after each self-check.
		s.requireCertificate(t, 4*time.Minute, cluster.NewCertificate("default", "checked", checking, "checked.nl", "*.checked.nl"))
		s.requireUntouched(t, "checked.nl", before)
	})

	t.Run("a name and its wildcard, without the self-check", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(clusterKey, "example.nl")
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "example", quick, "example.nl", "*.example.nl"))
		s.requireUntouched(t, "example.nl", before)
	})

	t.Run("an Issuer uses the key in its own namespace", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(teamKey, "team.nl")
		issuer := s.issuer(t, "team", teamKey)
		s.requireCertificate(t, soon, cluster.NewCertificate("team", "team", issuer, "team.nl", "*.sub.team.nl"))
		s.requireUntouched(t, "team.nl", before)
		for _, request := range s.api.Requests() {
			if request.Domain == "team.nl" && request.Key != teamKey {
				t.Errorf("%s %s sent with key %q", request.Method, request.Path, request.Key)
			}
		}
	})

	t.Run("a CNAME to a domain at mijn.host", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(clusterKey, "delegated.nl")
		s.api.AddStaticZone("elsewhere.example",
			mijnhosttest.Record{Type: "CNAME", Name: "_acme-challenge", Value: "elsewhere.delegated.nl.", TTL: 60})
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "delegating", quick, "elsewhere.example"))
		s.requireUntouched(t, "delegated.nl", before)
	})

	t.Run("the Challenge reports a wrong key; correcting the Secret fixes it", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(clusterKey, "wrong-key.nl")
		issuer := s.issuer(t, "wrong-key", "not-a-key")
		certificate := cluster.NewCertificate("wrong-key", "wrong-key", issuer, "wrong-key.nl")
		s.create(t, certificate)
		s.requireReason(t, "wrong-key", "No valid API key set", "wrong-key/"+cluster.KeySecret)

		corrected := cluster.NewKeySecret("wrong-key", clusterKey)
		if err := s.Client.Update(t.Context(), corrected); err != nil {
			t.Fatal(err)
		}
		s.requireReady(t, soon, certificate)
		s.requireUntouched(t, "wrong-key.nl", before)
	})
}

// requireReason waits until the reason of the only Challenge in a namespace contains all these words.
func (s *suite) requireReason(t *testing.T, namespace string, words ...string) {
	t.Helper()
	if err := cluster.Eventually(withLimit(t, soon), func(ctx context.Context) error {
		challenges, err := s.Challenges(ctx, namespace)
		if err != nil {
			return err
		}
		if len(challenges) != 1 {
			return fmt.Errorf("got %d challenges, want 1", len(challenges))
		}
		reason := challenges[0].Status.Reason
		if slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(reason, word) }) {
			return fmt.Errorf("got reason %q, want all of %q", reason, words)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
