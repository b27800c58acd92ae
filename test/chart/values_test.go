package chart

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// schema is the part of a JSON schema that the tests compare with values.yaml.
type schema struct {
	Type                 any               `json:"type"`
	Description          string            `json:"description"`
	Default              any               `json:"default"`
	Properties           map[string]schema `json:"properties"`
	AdditionalProperties any               `json:"additionalProperties"`
	Required             []string          `json:"required"`
}

// value is a documented key of values.yaml. A map whose keys templates read one by one is not a value; its keys are. A map that
// templates pass on as a whole, such as affinity, is one.
type value struct {
	schemaType  any
	description string
	def         any
}

// schemaValues returns the values in the schema, by path.
func schemaValues(t *testing.T, path string, s schema) map[string]value {
	t.Helper()
	if s.Default != nil {
		return map[string]value{path: {s.Type, s.Description, s.Default}}
	}
	if s.Type != "object" || len(s.Properties) == 0 {
		t.Errorf("schema: %s has neither a default nor properties", path)
	}
	if s.AdditionalProperties != false {
		t.Errorf("schema: %s does not forbid other keys", path)
	}
	values := map[string]value{}
	for key, property := range s.Properties {
		if at := join(path, key); at == "enabled" || at == "global" {
			continue // Helm passes these to subcharts; no template reads them.
		}
		// Templates accept null for an object or a list that they pass on as a whole; anything else is required.
		passedOn := property.Default != nil && (property.Type == "object" || property.Type == "array")
		if !passedOn && !slices.Contains(s.Required, key) {
			t.Errorf("schema: %s does not require %s", path, key)
		}
		maps.Copy(values, schemaValues(t, join(path, key), property))
	}
	for _, key := range s.Required {
		if _, ok := s.Properties[key]; !ok {
			t.Errorf("schema: %s requires %s, which is not a property", path, key)
		}
	}
	return values
}

// fileValues returns the values in values.yaml, by path. A value is a key with a comment for helm-docs.
func fileValues(t *testing.T, path string, node *yaml.Node) map[string]value {
	t.Helper()
	values := map[string]value{}
	for i := 0; i < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		at := join(path, key.Value)
		description := comment(key.HeadComment)
		if description == "" {
			if content.Kind != yaml.MappingNode || len(content.Content) == 0 {
				t.Errorf("values.yaml: %s has no comment that starts with --", at)
			}
			maps.Copy(values, fileValues(t, at, content))
			continue
		}
		var def any
		if err := content.Decode(&def); err != nil {
			t.Fatal(err)
		}
		values[at] = value{description: description, def: def}
	}
	return values
}

// comment returns the description that helm-docs reads from a comment: the text after "# -- " on one line.
func comment(head string) string {
	_, text, found := strings.Cut("\n"+head, "\n# -- ")
	if !found {
		return ""
	}
	return strings.ReplaceAll(text, "\n# ", " ")
}

func join(path, key string) string {
	return strings.TrimPrefix(path+"."+key, ".")
}

// TestSchema: the schema has exactly the values of values.yaml, with the same defaults and descriptions, and matching types.
func TestSchema(t *testing.T) {
	t.Parallel()
	inSchema := schemaValues(t, "", decode[schema](t, "values.schema.json"))
	document := decode[yaml.Node](t, "values.yaml")
	inFile := fileValues(t, "", document.Content[0])
	if len(inFile) < 50 {
		t.Errorf("got %d values in values.yaml, want at least 50", len(inFile))
	}

	for _, path := range slices.Sorted(maps.Keys(inFile)) {
		file := inFile[path]
		s, ok := inSchema[path]
		if !ok {
			t.Errorf("%s is in values.yaml but not in the schema", path)
			continue
		}
		if got, want := normal(s.def), normal(file.def); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got default %v in the schema, want %v as in values.yaml", path, got, want)
		}
		if !isOf(s.schemaType, file.def) {
			t.Errorf("%s: the schema's type is %v, but values.yaml has %T", path, s.schemaType, file.def)
		}
		if s.description != file.description {
			t.Errorf("%s: got description %q in the schema, want %q as in values.yaml", path, s.description, file.description)
		}
	}
	for path := range inSchema {
		if _, ok := inFile[path]; !ok {
			t.Errorf("%s is in the schema but not in values.yaml", path)
		}
	}
}

// normal converts numbers from YAML to the type that JSON has.
func normal(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = normal(v[i])
		}
		return items
	case map[string]any:
		fields := make(map[string]any, len(v))
		for key := range v {
			fields[key] = normal(v[key])
		}
		return fields
	default:
		return v
	}
}

// isOf reports whether a value has a JSON schema type, or one of several.
func isOf(schemaType, v any) bool {
	if types, ok := schemaType.([]any); ok {
		return slices.ContainsFunc(types, func(one any) bool { return isOf(one, v) })
	}
	switch v.(type) {
	case bool:
		return schemaType == "boolean"
	case int:
		return schemaType == "integer"
	case string:
		return schemaType == "string"
	case []any:
		return schemaType == "array"
	case map[string]any:
		return schemaType == "object"
	default:
		return false
	}
}

// TestReadme: README.md is the output of helm-docs and lists all values.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(chartDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := run(t, "helm-docs", "--chart-search-root", chartDir, "--sort-values-order", "file", "--dry-run", "--log-level", "warning")
	if strings.TrimSpace(want) != strings.TrimSpace(string(readme)) {
		t.Error("README.md is out of date: run `make chart-docs`")
	}
	document := decode[yaml.Node](t, "values.yaml")
	for path := range fileValues(t, "", document.Content[0]) {
		if !strings.Contains(string(readme), "\n| "+path+" | ") {
			t.Errorf("README.md does not list %s", path)
		}
	}
}

// TestFullValues: ci/full-values.yaml sets every value.
func TestFullValues(t *testing.T) {
	t.Parallel()
	full := decode[map[string]any](t, "ci/full-values.yaml")
	document := decode[yaml.Node](t, "values.yaml")
	for path := range fileValues(t, "", document.Content[0]) {
		at := any(full)
		for key := range strings.SplitSeq(path, ".") {
			fields, _ := at.(map[string]any)
			if _, ok := fields[key]; !ok {
				t.Errorf("ci/full-values.yaml does not set %s", path)
				break
			}
			at = fields[key]
		}
	}
}

// TestImage: the annotation for Artifact Hub names the image that the chart runs.
func TestImage(t *testing.T) {
	t.Parallel()
	chart := decode[struct {
		AppVersion  string            `yaml:"appVersion"`
		Annotations map[string]string `yaml:"annotations"`
	}](t, "Chart.yaml")
	values := decode[struct {
		Image struct{ Registry, Repository string } `yaml:"image"`
	}](t, "values.yaml")
	want := fmt.Sprintf("image: %s/%s:v%s\n", values.Image.Registry, values.Image.Repository, chart.AppVersion)
	if got := chart.Annotations["artifacthub.io/images"]; !strings.Contains(got, want) {
		t.Errorf("artifacthub.io/images lacks %q:\n%s", want, got)
	}
}
