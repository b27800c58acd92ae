package observability

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
)

// prometheus is a Prometheus that scrapes the webhook and evaluates the chart's alerts.
type prometheus struct {
	*testing.T
	address string
}

// config scrapes like the chart's ServiceMonitor: with a token, over verified TLS.
const config = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - &webhook
    job_name: %s
    scheme: https
    authorization: {credentials: %s}
    tls_config: {ca_file: %q, server_name: localhost}
    static_configs: [{targets: [%q], labels: {namespace: web}}]
  - <<: *webhook
    job_name: %[6]s
    authorization: {credentials: %[6]s}
`

func startPrometheus(t *testing.T, w *webhook) *prometheus {
	t.Helper()
	p := &prometheus{T: t, address: freeAddress(t)}
	rules, err := filepath.Abs(chart + "files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yaml")
	text := fmt.Sprintf(config, rules, clustertest.Prometheus, clustertest.Prometheus, w.ca, w.address, clustertest.Stranger)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, tool(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address)
	until(t, "Prometheus is ready", func() error {
		_, err := p.get("/-/ready", nil)
		return err
	})
	return p
}

// sample is one element of the result of a query.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// query evaluates an expression now.
func (p *prometheus) query(expr string) ([]sample, error) {
	var result struct{ Result []sample }
	err := p.data("/api/v1/query", url.Values{"query": {expr}}, &result)
	return result.Result, err
}

// data decodes the response at a path of the Prometheus API.
func (p *prometheus) data(path string, values url.Values, into any) error {
	text, err := p.get(path, values)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func (p *prometheus) get(path string, values url.Values) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(p.Context(), http.MethodGet, "http://"+p.address+path+"?"+values.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Data  json.RawMessage
		Error string
	}
	if path != "/-/ready" {
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return nil, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, answer.Error)
	}
	return answer.Data, nil
}
