package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/docs"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// installForeignCRDs installs the CRDs that the chart and the examples use, from the modules that define them.
func (s *chartSuite) installForeignCRDs(t *testing.T) {
	t.Helper()
	apply := []string{"apply", "--server-side"}
	for module, files := range map[string][]string{
		"github.com/prometheus-operator/prometheus-operator@v0.85.0": {
			"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
			"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
			"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
		},
		"sigs.k8s.io/gateway-api@v1.6.0":             {"config/crd/standard/gateway.networking.k8s.io_gateways.yaml"},
		"github.com/argoproj/argo-cd/v3@v3.3.0":      {"manifests/crds/application-crd.yaml"},
		"github.com/fluxcd/source-controller@v1.7.0": {"config/crd/bases/source.toolkit.fluxcd.io_ocirepositories.yaml"},
		"github.com/fluxcd/helm-controller@v1.4.0":   {"config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml"},
	} {
		dir := moduleDir(t, module)
		for _, file := range files {
			apply = append(apply, "--filename="+filepath.Join(dir, file))
		}
	}
	s.requireKubectl(t, "", apply...)
	s.requireKubectl(t, "", "wait", "--for=condition=Established", "--timeout=1m", "crd", "--all")
}

// moduleDir downloads a module and returns its directory. The tests only read its files, so no go.mod requires it.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir() // outside any module
	output, err := cmd.Output()
	var downloaded struct{ Dir, Error string }
	if err = errors.Join(err, json.Unmarshal(output, &downloaded)); err != nil {
		t.Fatalf("%s: %v\n%s", module, err, output)
	}
	return downloaded.Dir
}

// testValues renders the chart with each values file, tests and hooks included, and validates the objects on the API server,
// which also rejects unknown fields.
func (s *chartSuite) testValues(t *testing.T) {
	t.Parallel()
	// What the objects refer to.
	const namespace = "webhook"
	s.requireNamespaces(t, namespace, "pki", "pki-keys", "team-a", "team-b", "monitoring")
	s.create(t,
		&nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "gvisor"}, Handler: "runsc"},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "dns-webhook-account"}},
	)
	chart := s.Webhook("").Chart
	files, err := filepath.Glob(filepath.Join(chart, "ci", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no values in ci: %v", err)
	}
	for _, file := range append(files, filepath.Join(chart, "values.yaml")) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			rendered := t.TempDir()
			if _, err := s.Helm(t.Context(), "template", "my", chart, "--namespace="+namespace, "--values="+file,
				"--output-dir="+rendered); err != nil {
				t.Fatal(err)
			}
			if err := s.dryRun(t, "", "--recursive", "--filename="+rendered); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("unknown field is rejected", func(t *testing.T) {
		t.Parallel()
		const mistaken = `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "namespace": "default"},
			"spec": {"ports": [{"port": 1, "potr": 2}]}}`
		if err := s.dryRun(t, mistaken, "--filename=-"); err == nil || !strings.Contains(err.Error(), "potr") {
			t.Errorf("got error %v, want one about potr", err)
		}
	})
}

// dryRun validates objects with a server-side dry run.
func (s *chartSuite) dryRun(t *testing.T, stdin string, flags ...string) error {
	t.Helper()
	args := append([]string{"apply", "--server-side", "--dry-run=server", "--validate=strict"}, flags...)
	output, err := s.kubectl(withLimit(t, time.Minute), stdin, args...)
	if strings.Contains(output, "Warning:") && !s.before121 {
		return errors.New(output)
	}
	return err
}

func (s *chartSuite) testExamples(t *testing.T) {
	t.Parallel()
	s.requireNamespaces(t, "team-a", "argocd", "flux-system")
	files, err := filepath.Glob(filepath.Join(s.Webhook("").Chart, "..", "..", "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if err := s.dryRun(t, "", "--filename="+file); err != nil {
				t.Error(err)
			}
		})
	}
}

// testDocumentedManifests validates the manifests in the documentation.
func (s *chartSuite) testDocumentedManifests(t *testing.T) {
	t.Parallel()
	s.requireNamespaces(t, "team-a")
	manifests, err := docs.Manifests(filepath.Join(s.Webhook("").Chart, "..", ".."))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, manifest := range manifests {
		t.Run(fmt.Sprintf("%s, line %d", manifest.Path, manifest.Line), func(t *testing.T) {
			t.Parallel()
			if err := s.dryRun(t, manifest.YAML, "--filename=-"); err != nil {
				t.Error(err)
			}
		})
	}
}

// testMistypedValue proves that `helm install` enforces the schema that the chart's unit tests cover.
func (s *chartSuite) testMistypedValue(t *testing.T) {
	t.Parallel()
	const namespace = "mistyped"
	release := s.chart(namespace, "mistyped", "acme.mistyped.example")
	_, err := s.Helm(t.Context(), "install", release.Name, release.Chart, "--namespace="+namespace, "--create-namespace",
		"--set=certManager.namepsace=pki")
	if err == nil || !strings.Contains(err.Error(), "at '/certManager': additional properties 'namepsace' not allowed") {
		t.Errorf("helm install: got error %v, want one about namepsace", err)
	}
	s.requireNoObjectsOf(t, namespace)
}
