package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

const chartKey = "key-of-the-chart-tests"

// TestChart installs the chart on a real API server with cert-manager. Each subtest has its own release, group and domains; all
// run in one cluster at once.
func TestChart(t *testing.T) {
	s := &chartSuite{suite: newSuite(t)}
	s.create(t, cluster.NewKeySecret("cert-manager", chartKey))
	s.installForeignCRDs(t)

	// The longest first, because parallelism is limited.
	t.Run("install, upgrade, rollback and uninstall lose no challenge and leave no object", s.testLifecycle)
	t.Run("two releases in one namespace, following their notes", s.testTwice)
	t.Run("renewal of the PKI loses no challenge", s.testRotation)
	t.Run("Helm 3", s.testHelm3)
	t.Run("tls.source from certManager to helm and back", s.testSourceChange)
	t.Run("tls.source=helm, in a restricted namespace", s.testHelmCertificate)
	t.Run("tls.source=existingSecret", s.testExistingSecret)
	t.Run("tls.source=issuer", s.testIssuerRef)
	t.Run("RBAC is minimal", s.testPermissions)
	t.Run("Secrets in some namespaces, or in all", s.testSecretsElsewhere)
	t.Run("the API server accepts the chart with each values file", s.testValues)
	t.Run("the API server accepts the examples", s.testExamples)
	t.Run("the API server accepts the manifests in the documentation", s.testDocumentedManifests)
	t.Run("a mistyped value is rejected", s.testMistypedValue)
}

type chartSuite struct {
	*suite
	helm3 string // path of Helm 3, or empty for Helm 4
}

// chart returns a release of our chart with its own API group.
func (s *chartSuite) chart(namespace, name, group string, values ...string) cluster.Release {
	release := s.Webhook(s.api.URL(), append(values, fmt.Sprintf("groupName=%q", group))...)
	release.Namespace, release.Name = namespace, name
	return release
}

// requireHelm runs a helm command for a release and its values, and returns the output.
func (s *chartSuite) requireHelm(t *testing.T, command string, release cluster.Release, flags ...string) string {
	t.Helper()
	output, err := s.Helm(withLimit(t, 2*time.Minute), helmArgs(command, release, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func helmArgs(command string, release cluster.Release, flags ...string) []string {
	args := append([]string{command, release.Name, release.Chart, "--namespace=" + release.Namespace}, flags...)
	for _, value := range release.Values {
		args = append(args, "--set-json="+value)
	}
	return args
}

// requireInstalled installs a release, waits until its APIService is available, and returns its notes.
func (s *chartSuite) requireInstalled(t *testing.T, release cluster.Release, group string) string {
	t.Helper()
	notes := s.requireHelm(t, "install", release, "--create-namespace", "--wait")
	s.requireAvailable(t, group)
	return notes
}

// requireAvailable waits until the APIService of a group is available.
func (s *chartSuite) requireAvailable(t *testing.T, group string) {
	t.Helper()
	service := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1." + group}}
	if err := s.Await(withLimit(t, time.Minute), service, func() error {
		for _, condition := range service.Status.Conditions {
			if condition.Type == apiregistrationv1.Available && condition.Status == apiregistrationv1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("not available: %v", service.Status.Conditions)
	}); err != nil {
		t.Fatal(err)
	}
}

// requireServes issues a certificate through the webhook of a group.
func (s *chartSuite) requireServes(t *testing.T, group, domain string) {
	t.Helper()
	before := s.addDomain(chartKey, domain)
	certificate := cluster.NewCertificate("default", domain, s.groupIssuer(t, domain, group), domain, "*."+domain)
	s.requireCertificate(t, soon, certificate)
	s.requireUntouched(t, domain, before)
}

// kubectl runs kubectl as an administrator.
func (s *chartSuite) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Program("kubectl"), append([]string{"--kubeconfig=" + s.Kubeconfig(), "--cache-dir=" + s.Dir}, args...)...)
	cmd.Stdin = bytes.NewBufferString(stdin)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %v: %w\n%s", args, err, output)
	}
	return string(output), nil
}

func (s *chartSuite) requireKubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	output, err := s.kubectl(withLimit(t, time.Minute), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func (s *chartSuite) requireNamespaces(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := s.CreateNamespace(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// groupIssuer creates a ClusterIssuer that uses the webhook of a group.
func (s *chartSuite) groupIssuer(t *testing.T, name, group string) cmmetav1.IssuerReference {
	t.Helper()
	spec := s.IssuerSpec(cluster.WithoutSelfCheck)
	spec.ACME.Solvers[0].DNS01.Webhook.GroupName = group
	s.create(t, &cmv1.ClusterIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec})
	return cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: name}
}

// pod returns the only pod of a release.
func (s *chartSuite) pod(t *testing.T, release cluster.Release) corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	if err := s.Client.List(t.Context(), &pods, client.InNamespace(release.Namespace), client.MatchingLabels{
		"app.kubernetes.io/instance":  release.Name,
		"app.kubernetes.io/component": "webhook",
	}); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) != 1 {
		t.Fatalf("got %d pods, want 1", len(pods.Items))
	}
	return pods.Items[0]
}
