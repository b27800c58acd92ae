package observability

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const chart = "../../deploy/mijn-host-webhook/"

// query is an expression in the dashboard or an alert, and its place.
type query struct {
	place, expr string
	labels      []string // shown by the legend
}

// dashboard is the part of the Grafana dashboard that the tests read.
type dashboard struct {
	Templating struct {
		List []struct{ Name, Type, Query string }
	}
	Panels []struct {
		ID         int
		Title      string
		Datasource struct{ UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct{ RefID, Expr, LegendFormat string }
	}
}

// variables replaces Grafana's variables in a query.
func variables(namespace string) *strings.Replacer {
	return strings.NewReplacer("$__rate_interval", "1m", "$__range", "24h", "$namespace", namespace)
}

// dashboardQueries returns the queries of the panels and variables, for all namespaces.
func dashboardQueries(t *testing.T) []query {
	t.Helper()
	var d dashboard
	read(t, "files/dashboard.json", json.Unmarshal, &d)
	legend := regexp.MustCompile(`{{(\w+)}}`)
	var queries []query
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			q := query{place: "panel " + panel.Title, expr: variables(".*").Replace(target.Expr)}
			for _, match := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				q.labels = append(q.labels, match[1])
			}
			queries = append(queries, q)
		}
	}
	for _, variable := range d.Templating.List {
		if variable.Type != "query" {
			continue
		}
		metric, found := strings.CutSuffix(variable.Query, ", "+variable.Name+")")
		if !found {
			t.Errorf("the variable %s has other values: %s", variable.Name, variable.Query)
		}
		metric = strings.TrimPrefix(metric, "label_values(")
		queries = append(queries, query{place: "variable " + variable.Name, expr: metric, labels: []string{variable.Name}})
	}
	return queries
}

func alertQueries(t *testing.T) []query {
	t.Helper()
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	read(t, "files/alerts.yaml", yaml.Unmarshal, &alerts)
	var queries []query
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			queries = append(queries, query{place: "alert " + rule.Alert, expr: rule.Expr})
		}
	}
	return queries
}

func read(t *testing.T, file string, decode func([]byte, any) error, into any) {
	t.Helper()
	data, err := os.ReadFile(chart + file)
	if err == nil {
		err = decode(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// selectors returns the metrics in an expression, as Prometheus parses it, with the labels in their matchers.
func (p *prometheus) selectors(expr string) map[string][]string {
	p.Helper()
	var tree any
	if err := p.data("/api/v1/parse_query", url.Values{"query": {expr}}, &tree); err != nil {
		p.Fatalf("%s: %v", expr, err)
	}
	found := map[string][]string{}
	collect(tree, found)
	return found
}

// collect finds the selectors in a node and below it. Only selectors have matchers.
func collect(node any, found map[string][]string) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			collect(child, found)
		}
	case map[string]any:
		if matchers, ok := node["matchers"].([]any); ok {
			name := fmt.Sprint(node["name"])
			for _, matcher := range matchers {
				found[name] = append(found[name], labelOf(matcher)...)
			}
		}
		for _, child := range node {
			collect(child, found)
		}
	}
}

// labelOf returns the label of a matcher, unless it is the metric's name.
func labelOf(matcher any) []string {
	fields, ok := matcher.(map[string]any)
	if label := fmt.Sprint(fields["name"]); ok && label != "__name__" {
		return []string{label}
	}
	return nil
}
