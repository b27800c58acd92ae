package chart

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const examplesDir = "../../examples"

// TestExamples: the examples use the chart's default groupName and each of its solvers, name its current version, and are all
// listed in README.md.
func TestExamples(t *testing.T) {
	t.Parallel()
	chart := decode[struct{ Version string }](t, "Chart.yaml")
	values := decode[struct {
		GroupName string `yaml:"groupName"`
	}](t, "values.yaml")
	contents, err := os.ReadFile(filepath.Join(examplesDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(examplesDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}

	unused := map[any]bool{}
	for _, p := range decode[[]provider](t, "files/providers.yaml") {
		unused[p.SolverName] = true
	}
	solvers, versions := 0, 0
	check := func(file string, fields map[string]any) {
		if webhook, ok := fields["webhook"].(map[string]any); ok {
			solvers++
			if _, known := unused[webhook["solverName"]]; webhook["groupName"] != values.GroupName || !known {
				t.Errorf("%s: unknown solver %v", file, webhook)
				return
			}
			unused[webhook["solverName"]] = false
		}
		for _, key := range []string{"targetRevision", "tag"} {
			if version, ok := fields[key]; ok {
				versions++
				if version != chart.Version {
					t.Errorf("%s: got %s %v, want the chart's version %s", file, key, version, chart.Version)
				}
			}
		}
	}
	for _, file := range files {
		if name := filepath.Base(file); !strings.Contains(string(contents), "]("+name+")") {
			t.Errorf("README.md does not list %s", name)
		}
		for _, document := range documents(t, file) {
			walk(document, func(fields map[string]any) { check(file, fields) })
		}
	}
	for name, isUnused := range unused {
		if isUnused {
			t.Errorf("no example uses the solver %v", name)
		}
	}
	if solvers != 8 || versions != 2 {
		t.Errorf("got %d solvers and %d versions, want 8 and 2", solvers, versions)
	}
}

// documents reads all documents of a YAML file.
func documents(t *testing.T, file string) []any {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read-only
	var all []any
	for decoder := yaml.NewDecoder(f); ; {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, document)
	}
}

// walk calls visit with every object in a document.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, field := range v {
			walk(field, visit)
		}
	case []any:
		for _, item := range v {
			walk(item, visit)
		}
	}
}
