package chart

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEdges: the schema rejects the values beyond its edges, which Helm reports all at once, and accepts the values at them.
func TestEdges(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("edges.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var edges struct {
		Rejected map[string]yaml.Node
		Accepted []yaml.Node
	}
	if err := yaml.Unmarshal(text, &edges); err != nil {
		t.Fatal(err)
	}
	template := func(values *yaml.Node) string {
		text, err := yaml.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "helm", "template", "my", chartDir, "--values=-")
		cmd.Stdin = strings.NewReader(string(text))
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	for message, values := range edges.Rejected {
		got := template(&values)
		for _, path := range leaves("", &values) {
			want := regexp.MustCompile("at '" + regexp.QuoteMeta(path) + "': .*" + regexp.QuoteMeta(message))
			if !want.MatchString(got) {
				t.Errorf("got no error that matches %s, in\n%s", want, got)
			}
		}
	}
	for _, values := range edges.Accepted {
		if got := template(&values); got != "" {
			t.Errorf("line %d: %s", values.Line, got)
		}
	}
}

// leaves returns the paths of all values that are neither a map nor a list, as Helm writes them.
func leaves(path string, node *yaml.Node) []string {
	var paths []string
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			paths = append(paths, leaves(path+"/"+node.Content[i].Value, node.Content[i+1])...)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			paths = append(paths, leaves(fmt.Sprintf("%s/%d", path, i), item)...)
		}
	default:
		paths = append(paths, path)
	}
	return paths
}
