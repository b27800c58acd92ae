package chart

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// provider is an entry of files/providers.yaml.
type provider struct {
	Name        string            `yaml:"name"`
	SolverName  string            `yaml:"solverName"`
	ValuesKey   string            `yaml:"valuesKey"`
	SecretName  string            `yaml:"secretName"`
	KeyOrigin   string            `yaml:"keyOrigin"`
	BaseURLFlag string            `yaml:"baseURLFlag"`
	BaseURLEnv  string            `yaml:"baseURLEnv"`
	APIKeyEnv   string            `yaml:"apiKeyEnv"`
	DomainFlags map[string]string `yaml:"domainFlags"`
}

// TestProviders: all DNS hosts have the same values, apart from domain lists, and the webhook may read their default Secrets.
func TestProviders(t *testing.T) {
	t.Parallel()
	providers := decode[[]provider](t, "files/providers.yaml")
	values := decode[map[string]any](t, "values.yaml")
	var secrets []any
	for _, p := range providers {
		if p.Name == "" || p.SolverName == "" || p.KeyOrigin == "" || p.BaseURLFlag == "" || p.BaseURLEnv == "" || p.APIKeyEnv == "" {
			t.Errorf("a field is empty: %+v", p)
		}
		own, _ := values[p.ValuesKey].(map[string]any)
		want := slices.AppendSeq([]string{"ambientAPIKey", "baseURL", "networkPolicy"}, maps.Keys(p.DomainFlags))
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(own)); !slices.Equal(got, want) {
			t.Errorf("values.yaml: %s: got %q, want %q", p.ValuesKey, got, want)
		}
		secrets = append(secrets, p.SecretName)
	}
	readable, _ := values["secrets"].(map[string]any)
	if names, _ := readable["names"].([]any); len(secrets) == 0 || !slices.Equal(names, secrets) {
		t.Errorf("secrets.names: got %v, want %v", names, secrets)
	}
}

// TestOneMoreProvider: another DNS host needs a provider entry, values and their schema, but no template.
func TestOneMoreProvider(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "chart")
	if err := os.CopyFS(dir, os.DirFS(chartDir)); err != nil {
		t.Fatal(err)
	}
	extend(t, filepath.Join(dir, "files", "providers.yaml"), `- name: second.example
  solverName: second-host
  valuesKey: secondHost
  secretName: second-host-api-key
  keyOrigin: somewhere
  baseURLFlag: --second-base-url
  baseURLEnv: SECOND_BASE_URL
  apiKeyEnv: SECOND_API_KEY
`)
	extend(t, filepath.Join(dir, "values.yaml"), `
secondHost:
  baseURL: https://api.second.example/v1
  ambientAPIKey: {secretName: "", secretKey: api-key}
  networkPolicy: {cidrs: [], port: 443}
`)
	values := decode[map[string]any](t, "values.schema.json")
	properties, _ := values["properties"].(map[string]any)
	properties["secondHost"] = properties["mijnHost"]
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "values.schema.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}

	out := run(t, "helm", "template", "my", dir, "--set=networkPolicy.enabled=true,secondHost.networkPolicy.port=8444,"+
		"mijnHost.networkPolicy.port=8443,secondHost.ambientAPIKey.secretName=ambient,apiKeySecret.solverName=second-host,"+
		"apiKeySecret.value=secret,clusterIssuers.enabled=true,test.domain=example.nl")
	for want, times := range map[string]int{
		"      - mijn-host\n      - realtime-register\n      - second-host\n": 1, // cert-manager's role
		"value: \"https://mijn.host/api/v2\"\n":                               2, // the webhook and `helm test`
		"- name: SECOND_BASE_URL\n":                                           2,
		"- name: SECOND_API_KEY\n":                                            1,
		"        - port: 8443\n":                                              2, // ingress, and egress to mijn.host
		"        - port: 8444\n":                                              1,
		"solverName: second-host\n":                                           2, // the ClusterIssuers
		"name: \"second-host-api-key\"\n":                                     3, // the ClusterIssuers and the Secret
		"- --secret=cert-manager/second-host-api-key\n":                       1,
		"      - mijn-host-api-key\n      - realtime-register-api-key\n      - second-host-api-key\n": 1, // the webhook's role
	} {
		if got := strings.Count(out, want); got != times {
			t.Errorf("%q: got it %d times, want %d", want, got, times)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

// extend appends to a file.
func extend(t *testing.T, name, more string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
}
