package e2e

import (
	"context"
	"encoding/json"
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

// API keys of the cluster and of a team.
const (
	mijnHostKey     = "key-of-the-cluster-at-mijn-host"
	mijnHostTeamKey = "key-of-a-team-at-mijn-host"
	realtimeKey     = "key-of-the-cluster-at-realtime-register"
	realtimeTeamKey = "key-of-a-team-at-realtime-register"
)

// TestIssuance issues certificates for zones at both hosts through one webhook. Each subtest has its own domains.
func TestIssuance(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	mijnHost, realtime := cluster.MijnHost(), cluster.RealtimeRegister()
	namespaces := []string{"team", "wrong-key", "wrong-realtime-key"}
	for _, one := range s.deletions() {
		namespaces = append(namespaces, one.name)
	}
	keys := map[string][]string{}
	for _, namespace := range namespaces {
		keys[namespace] = []string{mijnHost.KeySecret, realtime.KeySecret}
		if err := s.CreateNamespace(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
	}
	readable, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.InstallWebhook(withLimit(t, startLimit), s.webhookForBoth("secrets.namespaces="+string(readable))); err != nil {
		t.Fatal(err)
	}
	s.create(t, mijnHost.NewKeySecret("cert-manager", mijnHostKey), realtime.NewKeySecret("cert-manager", realtimeKey))
	s.realtime.AddAccount("reseller", realtimeKey)
	s.realtime.AddAccount("team", realtimeTeamKey)

	t.Run("idle memory", s.testIdleMemory) // nothing else runs at this time
	t.Run("mijn.host", s.testMijnHost)
	t.Run("Realtime Register", s.testRealtimeRegister)
	t.Run("deletion during issuance", s.testDeletionDuringIssuance)
}

func (s *suite) testMijnHost(t *testing.T) {
	t.Parallel()
	quick := s.clusterIssuer(t, "quick", cluster.WithoutSelfCheck)

	t.Run("a name and its wildcard, with the self-check", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostKey, "checked.nl")
		checking := s.clusterIssuer(t, "checking", cluster.WithSelfCheck)
		// The two challenges run in turn, and cert-manager waits for a minute after each self-check.
		s.requireCertificate(t, 4*time.Minute, cluster.NewCertificate("default", "checked", checking, "checked.nl", "*.checked.nl"))
		s.requireUntouched(t, "checked.nl", before)
	})

	t.Run("a name and its wildcard, without the self-check", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostKey, "example.nl")
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "example", quick, "example.nl", "*.example.nl"))
		s.requireUntouched(t, "example.nl", before)
	})

	t.Run("an Issuer uses the key in its own namespace", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostTeamKey, "team.nl")
		issuer := s.issuer(t, cluster.MijnHost(), "team", mijnHostTeamKey)
		s.requireCertificate(t, soon, cluster.NewCertificate("team", "team", issuer, "team.nl", "*.sub.team.nl"))
		s.requireUntouched(t, "team.nl", before)
		for _, request := range s.api.Requests() {
			if request.Domain == "team.nl" && request.Key != mijnHostTeamKey {
				t.Errorf("%s %s sent with key %q", request.Method, request.Path, request.Key)
			}
		}
	})

	t.Run("a CNAME to a domain at mijn.host", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostKey, "delegated.nl")
		s.api.AddStaticZone("elsewhere.example",
			mijnhosttest.Record{Type: "CNAME", Name: "_acme-challenge", Value: "elsewhere.delegated.nl.", TTL: 60})
		s.requireCertificate(t, soon, cluster.NewCertificate("default", "delegating", quick, "elsewhere.example"))
		s.requireUntouched(t, "delegated.nl", before)
	})

	t.Run("the Challenge reports a wrong key; correcting the Secret fixes it", func(t *testing.T) {
		t.Parallel()
		before := s.addDomain(mijnHostKey, "wrong-key.nl")
		issuer := s.issuer(t, cluster.MijnHost(), "wrong-key", "not-a-key")
		certificate := cluster.NewCertificate("wrong-key", "wrong-key", issuer, "wrong-key.nl")
		s.create(t, certificate)
		s.requireReason(t, "wrong-key", "No valid API key set", "wrong-key/"+cluster.KeySecret)

		corrected := cluster.NewKeySecret("wrong-key", mijnHostKey)
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
