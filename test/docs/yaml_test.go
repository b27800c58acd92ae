package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	acmev1 "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

const fence = "```"

func TestYAMLIsValid(t *testing.T) {
	t.Parallel()
	issuer := func(config string) string {
		return fence + `yaml
apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: x
spec:
  acme:
    server: https://acme.example.nl
    privateKeySecretRef:
      name: x
    solvers:
      - dns01:
          webhook:
            groupName: acme.mijn.host
            solverName: mijn-host
            config: ` + config + "\n" + fence
	}
	block := func(text string) string { return fence + "yaml\n" + text + "\n" + fence }
	tryAll(t, faultsOfYAML, issuer(`{apiKeySecretRef: {name: a, key: b}, ttl: 60}`)+"\n\n"+block("secrets:\n  names: [a]")+"\n\n"+
		block("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\nstringData:\n  y: z")+"\n\n"+
		block("solvers:\n  - dns01:\n      webhook: {groupName: acme.mijn.host, solverName: mijn-host, config: {apiKeySecretRef: {name: a, key: b}}}"), []mistake{
		{issuer(`{apiKeySecretRef: {name: a, key: b}, tll: 60}`), "tll"},
		{issuer(`{ttl: 60}`), "apiKeySecretRef is required"},
		{strings.Replace(issuer(`{apiKeySecretRef: {name: a, key: b}}`), "acme.mijn.host", "acme.mijn.hots", 1), "acme.mijn.hots"},
		{block("a: [b"), "yaml"},
		{fence + "json\n{,}\n" + fence, "not JSON"},
		{block("a: b\na: c"), "already"},
		{block("apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: x\nspec:\n  dnsName: [x]"), "dnsName"},
		{block("apiVersion: v1\nkind: Sekret\nmetadata:\n  name: x"), "Sekret"},
		{block("apiVersion: example.nl/v1\nkind: Thing"), "example.nl"},
		{block("replicas: 2"), "replicas"},
		{block("solvers:\n  - dns01:\n      cnameStrategie: Follow"), "cnameStrategie"},
	})
}

// TestManifestsAreFound tests Manifests, whose result the end-to-end tests apply to an API server.
func TestManifestsAreFound(t *testing.T) {
	t.Parallel()
	all, err := Manifests(root)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(m Manifest) bool {
		return m.Path == "README.md" && m.Line > 1 && strings.HasPrefix(m.YAML, "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\n")
	}) || len(all) < 8 {
		t.Errorf("got %d manifests, want at least 8 with the ClusterIssuer in README.md: %v", len(all), all)
	}
}

// faultsOfYAML checks each YAML block as objects, as part of an Issuer, or as chart values.
func faultsOfYAML(t *testing.T, d *Document) []string {
	t.Helper()
	var faults []string
	for _, block := range d.Blocks {
		if block.Language == "json" && !json.Valid([]byte(block.Text)) {
			faults = append(faults, fmt.Sprintf("%d: not JSON", block.Line))
		}
		for _, one := range yamlDocuments(block) {
			if err := tryYAML(t, d, one); err != nil {
				faults = append(faults, fmt.Sprintf("%d: %v", block.Line, err))
			}
		}
	}
	return faults
}

func tryYAML(t *testing.T, d *Document, text string) error {
	t.Helper()
	var fields map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &fields); err != nil {
		return err
	}
	if fields["apiVersion"] != nil {
		return tryManifest(t, d, []byte(text), fields["apiVersion"])
	}
	if fields["solvers"] != nil || fields["dns01"] != nil {
		var part struct {
			Solvers                    []acmev1.ACMEChallengeSolver `json:"solvers"`
			acmev1.ACMEChallengeSolver `json:",inline"`
		}
		if err := yaml.UnmarshalStrict([]byte(text), &part); err != nil {
			return err
		}
		return trySolvers(t, d, append(part.Solvers, part.ACMEChallengeSolver))
	}
	if fields["apiKeySecretRef"] != nil || fields["ttl"] != nil {
		raw, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		return present(t, raw)
	}
	return tryValues(t, text)
}

// tryManifest decodes an object strictly if its type is known here, and checks its solvers.
func tryManifest(t *testing.T, d *Document, text []byte, apiVersion any) error {
	t.Helper()
	group, _, _ := strings.Cut(fmt.Sprint(apiVersion), "/")
	if slices.Contains([]string{"argoproj.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io", "monitoring.coreos.com"}, group) {
		return nil // not worth a dependency
	}
	object, _, err := codecs(t).UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return err
	}
	switch object := object.(type) {
	case *cmv1.Issuer:
		return trySolvers(t, d, object.Spec.ACME.Solvers)
	case *cmv1.ClusterIssuer:
		return trySolvers(t, d, object.Spec.ACME.Solvers)
	}
	return nil
}

//nolint:gochecknoglobals // built once for all tests
var codecs = once(func(t *testing.T) serializer.CodecFactory {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, cmv1.AddToScheme, acmev1.AddToScheme, gatewayv1.Install} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	return serializer.NewCodecFactory(kinds, serializer.EnableStrict)
})

func trySolvers(t *testing.T, d *Document, solvers []acmev1.ACMEChallengeSolver) error {
	t.Helper()
	for _, one := range solvers {
		if one.DNS01 == nil || one.DNS01.Webhook == nil {
			continue
		}
		webhook := one.DNS01.Webhook
		if webhook.SolverName != "mijn-host" && webhook.SolverName != "realtime-register" {
			return fmt.Errorf("unknown solverName %s", webhook.SolverName)
		}
		if webhook.GroupName != "acme.mijn.host" && !strings.Contains(d.Source, "groupName="+webhook.GroupName) {
			return fmt.Errorf("groupName is %s, but this page does not set it in the chart", webhook.GroupName)
		}
		var raw []byte
		if webhook.Config != nil {
			raw = webhook.Config.Raw
		}
		if err := present(t, raw); err != nil {
			return err
		}
	}
	return nil
}

// present has the solver parse a config, in a cluster where every Secret exists.
func present(t *testing.T, config []byte) error {
	t.Helper()
	s := solver.New(solver.Options{Name: "mijn-host", Provider: idle{}, AmbientAPIKey: "key"})
	if err := s.Initialize(&rest.Config{Host: everySecret(t)}, nil); err != nil {
		t.Fatal(err)
	}
	challenge := &whapi.ChallengeRequest{
		DNSName: "example.nl", ResolvedFQDN: "_acme-challenge.example.nl.", ResolvedZone: "example.nl.",
		Key: "value", ResourceNamespace: "cert-manager",
	}
	if config != nil {
		challenge.Config = &apiextensionsv1.JSON{Raw: config}
	}
	// No config means the ambient key. A config without a Secret is a mistake.
	challenge.AllowAmbientCredentials = config == nil
	err := s.Present(challenge)
	if err != nil && strings.HasSuffix(err.Error(), "is not found") {
		return nil // the config is valid and names another key
	}
	return err
}

// idle is a DNS host that does nothing.
type idle struct{}

func (idle) Present(context.Context, string, dnshost.TXT) (dnshost.Result, error) {
	return dnshost.Result{}, nil
}

func (idle) CleanUp(context.Context, string, dnshost.TXT) (dnshost.Result, error) {
	return dnshost.Result{}, nil
}

func everySecret(t *testing.T) string {
	t.Helper()
	cluster := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			Data:     map[string][]byte{"api-key": []byte("key")},
		})
	}))
	t.Cleanup(cluster.Close)
	return cluster.URL
}

// tryValues renders the chart with values. The schema rejects unknown values.
func tryValues(t *testing.T, values string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	return render(t, "--values", file)
}

func render(t *testing.T, args ...string) error {
	t.Helper()
	_, stderr, err := run(t, "", "helm", append([]string{"template", "x", chartDir}, args...)...)
	if err != nil {
		return fmt.Errorf("helm template %s: %s", strings.Join(args, " "), stderr)
	}
	return nil
}

func TestNamedValuesExist(t *testing.T) {
	t.Parallel()
	tryAll(t, missingValues, "`secrets.namespaces.team-a`, `tls.source: helm`, `tls.crt`, `image.tag`, `webhook.groupName`, `test.domain`", []mistake{
		{"`secrets.namespace`", "secrets.namespace"},
		{"`image.name`", "image.name"},
		{"`tls.sauce: helm`", "tls.sauce"},
		{"`tls.source.x`", "tls.source.x"},
		{"`metrics.enabled: true`", "metrics.enabled"},
	})
}

// missingValues checks code spans that look like a chart value. The tables in docs/guides/migrating.md have values of other charts
// in their first column.
func missingValues(t *testing.T, d *Document) []string {
	t.Helper()
	var values map[string]any
	if err := yaml.Unmarshal([]byte(read(t, chartDir+"/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	var faults []string
	for _, span := range d.Spans {
		name, _, _ := strings.Cut(span.Text, ": ")
		name, _, _ = strings.Cut(name, "=")
		path := strings.Split(name, ".")
		if len(path) < 2 || strings.ContainsAny(name, " /") || values[path[0]] == nil || d.Path == "docs/guides/migrating.md" && span.FirstColumn {
			continue
		}
		if slices.Contains([]string{"crt", "key", "md", "go", "yaml", "json"}, path[len(path)-1]) && values[path[0]] != nil && !has(values, path) {
			continue // the name of a file
		}
		if !has(values, path) {
			faults = append(faults, fmt.Sprintf("%d: the chart has no value %s", span.Line, name))
		}
	}
	return faults
}

// has reports whether a value exists. An empty map accepts any key.
func has(values map[string]any, path []string) bool {
	value, ok := values[path[0]]
	if !ok || len(path) == 1 {
		return ok
	}
	fields, ok := value.(map[string]any)
	return ok && (len(fields) == 0 || has(fields, path[1:]))
}
