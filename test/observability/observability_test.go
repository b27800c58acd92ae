package observability

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
)

// TestAlerts runs promtool's lint and the unit tests of the alerts.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "--lint=all", "--lint-fatal", chart + "files/alerts.yaml"}, {"test", "rules", "alerts.test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// otherMetrics are metrics in the alerts that do not come from the webhook.
func otherMetrics() []string {
	return []string{"aggregator_unavailable_apiservice"} // from the API server
}

// TestPrometheus: an authorized Prometheus has every metric and label that the dashboard and the alerts use.
func TestPrometheus(t *testing.T) { //nolint:paralleltest // the webhook reads its group from the environment
	w := startWebhook(t, "--logging-format=json")
	p := startPrometheus(t, w)
	until(t, "the webhook has been scraped", func() error { return p.wantResult("mijn_host_webhook_build_info == 1") })
	w.runChallenges()
	until(t, "the challenges have been scraped", func() error {
		return p.wantResult(`mijn_host_webhook_records_left_behind_total == 1`)
	})

	t.Run("metrics need permission", func(t *testing.T) {
		for user, want := range map[string]string{clustertest.Prometheus: "1", clustertest.Stranger: "0"} {
			if err := p.wantResult(fmt.Sprintf("up{job=%q} == %s", user, want)); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("queried metrics and labels exist", func(t *testing.T) {
		for _, q := range append(dashboardQueries(t), alertQueries(t)...) {
			selectors := p.selectors(q.expr)
			if len(selectors) == 0 {
				t.Errorf("%s selects no metric", q.place)
			}
			for name, labels := range selectors {
				if slices.Contains(otherMetrics(), name) {
					continue
				}
				for _, label := range append(labels, "job") {
					if err := p.wantResult(fmt.Sprintf(`%s{%s!=""}`, name, label)); err != nil {
						t.Errorf("%s: %v", q.place, err)
					}
				}
			}
		}
	})
	t.Run("every panel has data", func(t *testing.T) {
		for _, q := range dashboardQueries(t) {
			samples, err := p.query(q.expr)
			if err != nil || len(samples) == 0 {
				t.Errorf("%s: %s: got %d results, %v, want some", q.place, q.expr, len(samples), err)
				continue
			}
			for _, label := range q.labels {
				if samples[0].Metric[label] == "" {
					t.Errorf("%s: %s: no label for {{%s}}", q.place, q.expr, label)
				}
			}
		}
	})
	t.Run("every alert evaluates", func(t *testing.T) {
		var rules struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		until(t, "the alerts have been evaluated", func() error {
			if err := p.data("/api/v1/rules", nil, &rules); err != nil {
				return err
			}
			for _, rule := range rules.Groups[0].Rules {
				if rule.Health != "ok" {
					return fmt.Errorf("%s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
			}
			return nil
		})
	})
	t.Run("JSON log has the same outcomes", func(t *testing.T) { wantJSONLog(t, w.log.String()) })
}

func (p *prometheus) wantResult(expr string) error {
	samples, err := p.query(expr)
	if err == nil && len(samples) == 0 {
		err = errors.New("no result of " + expr)
	}
	return err
}

// wantJSONLog expects one line for each challenge of runChallenges, and no secret.
func wantJSONLog(t *testing.T, log string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(log) {
		var entry struct {
			Action, Result, FQDN, Domain, Duration string
			Calls                                  int
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not JSON: %s", line)
		}
		if entry.Action != "" {
			got = append(got, fmt.Sprintf("%s %s %s %s %d", entry.Action, entry.FQDN, entry.Domain, entry.Result, entry.Calls))
			if entry.Duration == "" {
				t.Errorf("no duration: %s", line)
			}
		}
	}
	want := []string{
		"present _acme-challenge.example.nl. example.nl success 2",
		"cleanup _acme-challenge.example.nl. example.nl success 2",
		"present _acme-challenge.example.nl.  error 1",
		"cleanup _acme-challenge.example.nl.  given_up 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, secret := range []string{apiKey, clustertest.Value} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains %s", secret)
		}
	}
}
