package metrics_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/metrics"
)

var update = flag.Bool("update", false, "write docs/reference/metrics.md") //nolint:gochecknoglobals // a flag of the test binary

const docs = "../../docs/reference/metrics.md"

const introduction = `<!-- Generated from internal/metrics by ` + "`go test ./internal/metrics -run TestDocumentation -update`" + `. -->
# Metrics

The webhook serves its metrics at ` + "`/metrics`" + ` on its HTTPS port, together with those of the Kubernetes API server
library (` + "`apiserver_*`, `rest_client_*`, `go_*`, `process_*`" + `). A scraper needs the token of an account that may ` + "`get`" + ` the
non-resource URL ` + "`/metrics`" + `; the Helm chart creates one together with a ServiceMonitor or PodMonitor, and ships a
[dashboard and alerts](../guides/monitoring.md#dashboard-and-alerts).

No label contains a domain name, unless ` + "`--metrics-domain-label`" + ` is set.

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
`

// TestDocumentation compares docs/reference/metrics.md with the code, and writes it with -update.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	want := introduction
	for _, family := range append(gather(t, metrics.NewBuildInfo("v1.2.3", "0123456")), gather(t, eventful(options()))...) {
		want += fmt.Sprintf("| %#q | %s | %s | %s |\n", family.GetName(), strings.ToLower(family.GetType().String()), labelsOf(family), family.GetHelp())
	}
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run `go test ./internal/metrics -run TestDocumentation -update`", docs)
	}
}

func labelsOf(family *dto.MetricFamily) string {
	var names []string
	for _, label := range family.GetMetric()[0].GetLabel() {
		names = append(names, fmt.Sprintf("%#q", label.GetName()))
	}
	return strings.Join(names, ", ")
}
