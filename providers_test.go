package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestChartProviders compares the chart's list of DNS hosts with this program's solvers, flags and environment variables.
func TestChartProviders(t *testing.T) {
	t.Parallel()
	var providers []struct {
		SolverName, ValuesKey, BaseURLFlag, BaseURLEnv, APIKeyEnv string
		DomainFlags                                               map[string]string
	}
	var values map[string]any
	readYAML(t, "files/providers.yaml", &providers)
	readYAML(t, "values.yaml", &values)
	solvers, err := settings{}.solvers(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if len(providers) != len(solvers) {
		t.Fatalf("the chart has %d DNS hosts, the program %d", len(providers), len(solvers))
	}
	environment := map[string]string{}
	for _, p := range providers {
		own, _ := values[p.ValuesKey].(map[string]any)
		environment[p.BaseURLEnv], _ = own["baseURL"].(string)
	}
	flags := newCommand(func(name string) string { return environment[name] }).Flags()
	bare := newCommand(func(string) string { return "" }).Flags()
	listed := map[string]bool{}
	for i, p := range providers {
		if name := solvers[i].Name(); p.SolverName != name {
			t.Errorf("DNS host %d is %s in the chart, %s in the program", i, p.SolverName, name)
		}
		listed[p.BaseURLFlag] = true
		own, _ := values[p.ValuesKey].(map[string]any)
		for _, set := range []*pflag.FlagSet{flags, bare} { // the chart's value equals the program's default
			if flag := lookUp(set, p.BaseURLFlag); flag == nil || flag.DefValue != own["baseURL"] {
				t.Errorf("%s: got flag %+v, want the default of values.yaml, %v", p.BaseURLFlag, flag, own["baseURL"])
			}
		}
		for _, flag := range p.DomainFlags {
			if lookUp(flags, flag) == nil {
				t.Errorf("flag %s not found", flag)
			}
		}
		if flag := lookUp(newCommand(func(name string) string { return map[string]string{p.BaseURLEnv: "https://other.test"}[name] }).Flags(), p.BaseURLFlag); flag == nil || flag.DefValue != "https://other.test" {
			t.Errorf("%s does not set the default of %s", p.BaseURLEnv, p.BaseURLFlag)
		}
		cmd := newCommand(func(name string) string { return map[string]string{p.APIKeyEnv: "with spaces"}[name] })
		cmd.SetArgs([]string{"--cert-dir=" + t.TempDir()})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.HasPrefix(err.Error(), p.APIKeyEnv+": ") {
			t.Errorf("got error %v, want one about an invalid key in %s", err, p.APIKeyEnv)
		}
	}
	flags.VisitAll(func(flag *pflag.Flag) {
		if strings.HasSuffix(flag.Name, "-base-url") && !listed["--"+flag.Name] {
			t.Errorf("files/providers.yaml lacks --%s", flag.Name)
		}
	})
}

func lookUp(flags *pflag.FlagSet, flag string) *pflag.Flag {
	return flags.Lookup(strings.TrimPrefix(flag, "--"))
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("deploy", "mijn-host-webhook", name))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
