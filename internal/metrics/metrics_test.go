package metrics_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/metrics"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

const (
	apiKey = "key-of-the-account"
	fqdn   = "_acme-challenge.example.nl."
)

func options(change ...func(*metrics.Options)) metrics.Options {
	o := metrics.Options{Provider: "mijn-host", Operations: mijnhost.Operations()}
	for _, c := range change {
		c(&o)
	}
	return o
}

func withDomains(o *metrics.Options) { o.DomainLabel = true }

// eventful returns metrics with one event of each kind.
func eventful(o metrics.Options) *metrics.Metrics {
	m := metrics.New(o)
	m.ChallengeAnswered(solver.ActionPresent, solver.ResultSuccess, "example.nl", time.Second)
	m.ChallengeAnswered(solver.ActionPresent, solver.ResultError, "", 25*time.Second)
	m.ChallengeAnswered(solver.ActionCleanUp, solver.ResultGivenUp, "", time.Millisecond)
	m.ValuesPresented(3)
	m.ValuesPresented(-1)
	m.CallStarted()
	m.CallStarted()
	m.CallEnded(mijnhost.OpReadRecords, 0, time.Second)
	m.Retried(mijnhost.OpReadRecords)
	m.CooledDown(90 * time.Second)
	m.LeftOverAtRisk()
	m.ForeignLost(2)
	return m
}

func gather(t *testing.T, m prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// shown returns m in the text format.
func shown(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	var text strings.Builder
	for _, family := range gather(t, m) {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// want fails the test unless m has each line of text.
func want(t *testing.T, m *metrics.Metrics, text string) {
	t.Helper()
	got := shown(t, m)
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if line = strings.TrimSpace(line); !strings.Contains(got, line+"\n") {
			t.Errorf("metrics lack %s:\n%s", line, got)
		}
	}
}

func TestMetrics_Counts(t *testing.T) {
	t.Parallel()
	want(t, eventful(options()), `
		mijn_host_webhook_challenges_total{action="present",provider="mijn-host",result="success"} 1
		mijn_host_webhook_challenges_total{action="present",provider="mijn-host",result="error"} 1
		mijn_host_webhook_challenges_total{action="cleanup",provider="mijn-host",result="success"} 0
		mijn_host_webhook_challenges_total{action="cleanup",provider="mijn-host",result="given_up"} 1
		mijn_host_webhook_challenge_duration_seconds_sum{action="present",provider="mijn-host"} 26
		mijn_host_webhook_challenge_duration_seconds_count{action="present",provider="mijn-host"} 2
		mijn_host_webhook_challenge_duration_seconds_bucket{action="present",provider="mijn-host",le="25"} 2
		mijn_host_webhook_presented_values{provider="mijn-host"} 2
		mijn_host_webhook_records_left_behind_total{provider="mijn-host"} 1
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="none"} 1
		mijn_host_webhook_api_calls_total{operation="patch_record",provider="mijn-host",status="401"} 0
		mijn_host_webhook_api_calls_in_flight{provider="mijn-host"} 1
		mijn_host_webhook_api_call_retries_total{operation="read_records",provider="mijn-host"} 1
		mijn_host_webhook_api_call_duration_seconds_count{operation="read_records",provider="mijn-host"} 1
		mijn_host_webhook_api_call_duration_seconds_sum{operation="read_records",provider="mijn-host"} 1
		mijn_host_webhook_api_call_duration_seconds_bucket{operation="read_records",provider="mijn-host",le="8"} 1
		mijn_host_webhook_cooldowns_total{provider="mijn-host"} 1
		mijn_host_webhook_cooldown_seconds_total{provider="mijn-host"} 90
		mijn_host_webhook_left_overs_at_risk_total{provider="mijn-host"} 1
		mijn_host_webhook_foreign_records_lost_total{provider="mijn-host"} 2
	`)
}

// Without series at the start, increase() would miss the first event of each kind.
func TestMetrics_FromTheStart(t *testing.T) {
	t.Parallel()
	m := metrics.New(options())
	want(t, m, `
		mijn_host_webhook_challenges_total{action="present",provider="mijn-host",result="success"} 0
		mijn_host_webhook_challenges_total{action="present",provider="mijn-host",result="error"} 0
		mijn_host_webhook_challenges_total{action="cleanup",provider="mijn-host",result="success"} 0
		mijn_host_webhook_challenges_total{action="cleanup",provider="mijn-host",result="error"} 0
		mijn_host_webhook_challenges_total{action="cleanup",provider="mijn-host",result="given_up"} 0
		mijn_host_webhook_challenge_duration_seconds_count{action="present",provider="mijn-host"} 0
		mijn_host_webhook_challenge_duration_seconds_count{action="cleanup",provider="mijn-host"} 0
	`)
	for _, op := range mijnhost.Operations() {
		want(t, m, strings.ReplaceAll(`
			mijn_host_webhook_api_calls_total{operation="OP",provider="mijn-host",status="200"} 0
			mijn_host_webhook_api_calls_total{operation="OP",provider="mijn-host",status="401"} 0
			mijn_host_webhook_api_call_retries_total{operation="OP",provider="mijn-host"} 0
			mijn_host_webhook_api_call_duration_seconds_count{operation="OP",provider="mijn-host"} 0
		`, "OP", string(op)))
	}
	if text := shown(t, metrics.New(options(withDomains))); strings.Contains(text, "domain=") {
		t.Errorf("got a series with a domain label at the start, want none:\n%s", text)
	}
}

func TestBuildInfo(t *testing.T) {
	t.Parallel()
	const name = "mijn_host_webhook_build_info"
	want := fmt.Sprintf("# HELP %[1]s Version and commit of this build; always 1.\n# TYPE %[1]s gauge\n"+
		"%[1]s{commit=\"0123456\",go_version=%[2]q,version=\"v1.2.3\"} 1\n", name, runtime.Version())
	if err := testutil.CollectAndCompare(metrics.NewBuildInfo("v1.2.3", "0123456"), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestLastSuccess_AbsentAtFirst(t *testing.T) {
	t.Parallel()
	const name = "mijn_host_webhook_last_success_timestamp_seconds"
	m := metrics.New(options())
	m.ChallengeAnswered(solver.ActionPresent, solver.ResultError, "", time.Second)
	m.ChallengeAnswered(solver.ActionCleanUp, solver.ResultGivenUp, "", time.Second)
	if n := testutil.CollectAndCount(m, name); n != 0 {
		t.Errorf("before any success: got %d series, want 0", n)
	}
	m.ChallengeAnswered(solver.ActionPresent, solver.ResultSuccess, "", time.Second)
	for _, family := range gather(t, m) {
		if family.GetName() != name {
			continue
		}
		if at := family.GetMetric()[0].GetGauge().GetValue(); len(family.GetMetric()) != 1 || math.Abs(at-float64(time.Now().Unix())) > 60 {
			t.Errorf("got %v, want one series with the current time", family)
		}
	}
	if n := testutil.CollectAndCount(m, name); n != 1 {
		t.Errorf("after a successful Present: got %d series, want 1", n)
	}
}

func TestDomainLabel_OffByDefault(t *testing.T) {
	t.Parallel()
	if text := shown(t, eventful(options())); strings.Contains(text, "example.nl") {
		t.Errorf("metrics contain a domain:\n%s", text)
	}
	want(t, eventful(options(withDomains)), `mijn_host_webhook_challenges_total{action="present",domain="example.nl",provider="mijn-host",result="success"} 1`)
}

func TestStatusLabel_InvalidStatus(t *testing.T) {
	t.Parallel()
	m := metrics.New(options())
	before := testutil.CollectAndCount(m)
	for _, status := range []int{-1, 0, 1, 99, 600, 123456} {
		m.CallStarted()
		m.CallEnded(mijnhost.OpReadRecords, status, time.Second)
	}
	if more := testutil.CollectAndCount(m) - before; more != 1 {
		t.Errorf("got %d new series, want 1", more)
	}
	for _, status := range []int{100, 599} {
		m.CallEnded(mijnhost.OpReadRecords, status, time.Second)
		want(t, m, fmt.Sprintf(`mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="%d"} 1`, status))
	}
}

func TestMetrics_PrometheusConventions(t *testing.T) {
	t.Parallel()
	problems, err := testutil.CollectAndLint(eventful(options()))
	if err != nil || len(problems) > 0 {
		t.Errorf("got problems %v, %v, want none", problems, err)
	}
}

// TestMetrics_APIClient uses the real API client, with a rejected key, a retry and a pause.
func TestMetrics_APIClient(t *testing.T) {
	t.Parallel()
	api := mijnhosttest.Start(t, mijnhosttest.Options{})
	api.AddAccount(apiKey, "example.nl")
	m := metrics.New(options())
	provider := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), UserAgent: "test/1", Observer: m})
	add := func(ctx context.Context, key, value string) error {
		_, err := provider.Present(ctx, key, dnshost.TXT{Zone: "example.nl.", FQDN: fqdn, Value: value})
		return err
	}

	if add(t.Context(), "no-such-key", "value") == nil {
		t.Error("unknown key: got no error")
	}
	api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(500), Method: "PATCH", Times: 1})
	if err := add(t.Context(), apiKey, "value"); err != nil {
		t.Error(err)
	}
	want(t, m, `
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="401"} 1
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="200"} 1
		mijn_host_webhook_api_calls_total{operation="patch_record",provider="mijn-host",status="500"} 1
		mijn_host_webhook_api_calls_total{operation="patch_record",provider="mijn-host",status="200"} 1
		mijn_host_webhook_api_call_retries_total{operation="patch_record",provider="mijn-host"} 1
		mijn_host_webhook_api_calls_in_flight{provider="mijn-host"} 0
		mijn_host_webhook_cooldowns_total{provider="mijn-host"} 0
	`)

	api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(time.Minute)), Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if add(ctx, apiKey, "another") == nil {
		t.Error("pause beyond the deadline: got no error")
	}
	want(t, m, `
		mijn_host_webhook_cooldowns_total{provider="mijn-host"} 1
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="429"} 1
	`)
}

// TestMetrics_NoKey: the API repeats the key in an error.
func TestMetrics_NoKey(t *testing.T) {
	t.Parallel()
	api := mijnhosttest.Start(t, mijnhosttest.Options{})
	api.AddAccount(apiKey, "example.nl")
	m := metrics.New(options(withDomains))
	provider := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), UserAgent: "test/1", Observer: m})
	add := func() error {
		_, err := provider.Present(t.Context(), apiKey, dnshost.TXT{Zone: "example.nl.", FQDN: fqdn, Value: "value"})
		return err
	}
	if err := add(); err != nil {
		t.Error(err)
	}
	for _, fault := range []mijnhosttest.Kind{mijnhosttest.StatusMessage(401, apiKey), mijnhosttest.ErrorInside200(403, apiKey)} {
		api.Inject(mijnhosttest.Fault{Kind: fault, Times: 1})
		if add() == nil {
			t.Error("got no error, want the API's")
		}
	}
	want(t, m, `
		mijn_host_webhook_api_calls_total{operation="patch_record",provider="mijn-host",status="200"} 1
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="401"} 1
		mijn_host_webhook_api_calls_total{operation="read_records",provider="mijn-host",status="403"} 1
	`)
	if text := shown(t, m); strings.Contains(text, apiKey) {
		t.Errorf("metrics contain the key:\n%s", text)
	}
}
