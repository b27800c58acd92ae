package chart

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	chartDir = "../../deploy/mijn-host-webhook"
	binDir   = "../../.cache/bin"
)

// run runs a tool and returns its standard output. If the tool fails, so does the test.
func run(t *testing.T, tool string, args ...string) string {
	t.Helper()
	cmd := command(t, tool, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", tool, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

func command(t *testing.T, tool string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join(binDir, tool)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make .cache/bin/%s`", err, tool)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	// Keeps the tests away from the user's Helm cache and settings.
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	return cmd
}

// decode reads a YAML or JSON file of the chart.
func decode[T any](t *testing.T, name string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(chartDir, name))
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if filepath.Ext(name) == ".json" {
		err = json.Unmarshal(data, &v)
	} else {
		err = yaml.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// valuesFiles returns the values files in ci, and "" for the default values.
func valuesFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(chartDir, "ci", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no values in ci: %v", err)
	}
	return append(files, "")
}

func TestLint(t *testing.T) {
	t.Parallel()
	for _, file := range valuesFiles(t) {
		args := []string{"lint", "--strict", "--quiet", chartDir}
		if file != "" {
			args = append(args, "--values", file)
		}
		run(t, "helm", args...)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	t.Log(run(t, "helm-unittest", "--strict", "--color=false", chartDir))
}

// TestHelmCertificate verifies the generated certificate as the API server does.
func TestHelmCertificate(t *testing.T) {
	t.Parallel()
	decoder := yaml.NewDecoder(strings.NewReader(run(t, "helm", "template", "my", chartDir, "--namespace=web", "--set=tls.source=helm,tls.helm.durationDays=9",
		"--show-only=templates/apiservice.yaml")))
	var secret struct{ Data map[string]string }
	var service struct {
		Spec struct {
			CABundle string `yaml:"caBundle"`
		}
	}
	if err := errors.Join(decoder.Decode(&secret), decoder.Decode(&service)); err != nil {
		t.Fatal(err)
	}
	pemOf := func(text string) []byte {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return decoded
	}
	pair, err := tls.X509KeyPair(pemOf(secret.Data["tls.crt"]), pemOf(secret.Data["tls.key"]))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(pemOf(service.Spec.CABundle))
	if block == nil {
		t.Fatalf("not PEM: %s", pemOf(service.Spec.CABundle))
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: "my-mijn-host-webhook.web.svc", Roots: roots}); err != nil || !ca.IsCA {
		t.Errorf("got %v, and a CA: %v, want a certificate that a CA signed", err, ca.IsCA)
	}
	for name, certificate := range map[string]*x509.Certificate{"CA": ca, "serving certificate": pair.Leaf} {
		if got := time.Until(certificate.NotAfter).Round(time.Hour); got != 9*24*time.Hour {
			t.Errorf("%s: expires in %v, want 9 days", name, got)
		}
	}
}

// TestDependency installs the chart as a subchart. Helm then passes it global and enabled, which the strict schema must accept.
func TestDependency(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dependency, err := filepath.Abs(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"Chart.yaml": `apiVersion: v2
name: parent
version: 1.0.0
dependencies:
  - name: mijn-host-webhook
    version: "*"
    repository: file://` + dependency + `
    condition: mijn-host-webhook.enabled
`,
		"values.yaml": `global: {registry: example.nl}
mijn-host-webhook: {enabled: true}
`,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(parent, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "helm", "dependency", "update", parent)
	if out := run(t, "helm", "template", "my", parent); !strings.Contains(out, "kind: APIService") {
		t.Error("got no APIService, want one")
	}
	if out := run(t, "helm", "template", "my", parent, "--set", "mijn-host-webhook.enabled=false"); strings.TrimSpace(out) != "" {
		t.Errorf("enabled=false: got output, want none:\n%s", out)
	}
}

func TestPackage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, "helm", "package", chartDir, "--destination", dir)
	packages, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("got packages %v, %v, want one", packages, err)
	}
	list, err := exec.CommandContext(t.Context(), "tar", "-tzf", packages[0]).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := string(list)
	for _, want := range []string{"Chart.yaml", "README.md", "values.schema.json", "files/alerts.yaml", "files/dashboard.json"} {
		if !strings.Contains(got, "/"+want+"\n") {
			t.Errorf("the package lacks %s", want)
		}
	}
	for _, unwanted := range []string{"/tests/", "/ci/", ".gotmpl", ".svg"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the package contains %s", unwanted)
		}
	}
}
