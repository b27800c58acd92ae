package e2e

import (
	"regexp"
	"strings"
	"testing"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	acmev1 "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// testTwice installs two releases side by side and runs the commands of their notes.
func (s *chartSuite) testTwice(t *testing.T) {
	t.Parallel()
	const namespace = "twice"
	t.Run("each", func(t *testing.T) {
		for name, domain := range map[string]string{"mijn-host-webhook": "plain.nl", "2nd.dns": "odd.nl"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				group, secret := "acme."+domain, "key-of-"+strings.TrimSuffix(domain, ".nl")
				notes := s.requireInstalled(t, s.chart(namespace, name, group,
					`allowedDomains=["`+domain+`"]`, `apiKeySecret.name="`+secret+`"`, `secrets.names=["`+secret+`"]`), group)
				s.followNotes(t, notes, domain)
			})
		}
	})
	t.Run("each rejects challenges of the other", func(t *testing.T) {
		caller := s.as(t, certManagerUser)
		for group, domain := range map[string]string{"acme.plain.nl": "odd.nl", "acme.odd.nl": "plain.nl"} {
			if err := cluster.Ask(t.Context(), caller, group, domain, acme.ChallengeActionPresent); err == nil ||
				!strings.Contains(err.Error(), "--allowed-domains") {
				t.Errorf("%s: challenge of %s: got error %v, want not allowed", group, domain, err)
			}
		}
	})
}

// followNotes runs the commands of a release's notes, creates an issuer with the solver from them, and issues a
// certificate with it.
func (s *chartSuite) followNotes(t *testing.T, notes, domain string) {
	t.Helper()
	before := s.addDomain(chartKey, domain)
	find := func(pattern string) string {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(notes)
		if found == nil {
			t.Fatalf("%q not found in the notes:\n%s", pattern, notes)
		}
		return found[1]
	}
	s.requireKubectl(t, "", strings.Fields(find(`kubectl (wait .*)`))...)
	s.requireKubectl(t, chartKey+"\n", strings.Fields(find(`kubectl (.* create secret .*)`))...)
	// This node serves no logs, so only check that the Deployment exists.
	logs := strings.Fields(find(`kubectl (.* logs .*)`))
	s.requireKubectl(t, "", "get", logs[0], logs[1], logs[3])
	s.requireKubectl(t, "", "get", "secret", "--namespace="+find(`only these Secrets:\n\n +(.*)/`), find(`only these Secrets:\n\n +.*/(.*)`))

	spec := s.IssuerSpec(cluster.WithoutSelfCheck)
	shown := acmev1.ACMEChallengeSolver{}
	if err := yaml.UnmarshalStrict([]byte(find(`(?s)with this solver:\n\n(.*?)\n\n`)), &shown); err != nil {
		t.Fatal(err)
	}
	spec.ACME.Solvers[0].DNS01.Webhook = shown.DNS01.Webhook
	s.create(t, &cmv1.ClusterIssuer{ObjectMeta: metav1.ObjectMeta{Name: domain}, Spec: spec})
	issuer := cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: domain}
	s.requireCertificate(t, soon, cluster.NewCertificate("default", domain, issuer, domain))
	s.requireUntouched(t, domain, before)
}
