package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// challenges are the metrics of the solver.
type challenges struct {
	domainLabel bool

	answered    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	lastSuccess *prometheus.GaugeVec
	presented   prometheus.Gauge
	leftBehind  prometheus.Counter
}

func newChallenges(f factory, domainLabel bool) challenges {
	labels := []string{"action", "result"}
	if domainLabel {
		labels = append(labels, "domain")
	}
	c := challenges{
		domainLabel: domainLabel,
		answered: f.counterVec("challenges_total",
			"Calls from cert-manager by action (present, cleanup) and result (success, error, given_up). "+
				"With --metrics-domain-label also by the account's domain, which is empty if none was found.", labels...),
		duration: f.histogramVec("challenge_duration_seconds", "Duration of calls from cert-manager by action, in seconds.",
			[]float64{0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 25}, "action"),
		lastSuccess: f.gaugeVec("last_success_timestamp_seconds",
			"Unix time of the last successful call from cert-manager, by action. Absent until one succeeds.", "action"),
		presented: f.gauge("presented_values",
			"TXT values that this process has presented and not yet cleaned up. A value that another process cleaned up counts for up to a week."),
		leftBehind: f.counter("records_left_behind_total",
			"Clean-ups given up because the Secret or the domain is gone. Each may have left a TXT record behind; the log names it."),
	}
	c.start()
	return c
}

// start creates the known series at 0, because increase() misses the first event of a new series.
func (c challenges) start() {
	for action, results := range map[solver.Action][]solver.Result{
		solver.ActionPresent: {solver.ResultSuccess, solver.ResultError},
		solver.ActionCleanUp: {solver.ResultSuccess, solver.ResultError, solver.ResultGivenUp},
	} {
		c.duration.WithLabelValues(string(action))
		for _, result := range results {
			if !c.domainLabel {
				c.answered.WithLabelValues(string(action), string(result))
			}
		}
	}
}

func (c challenges) parts() []prometheus.Collector {
	return []prometheus.Collector{c.answered, c.duration, c.lastSuccess, c.presented, c.leftBehind}
}

// ChallengeAnswered implements solver.Observer.
func (c challenges) ChallengeAnswered(action solver.Action, result solver.Result, domain string, elapsed time.Duration) {
	labels := []string{string(action), string(result)}
	if c.domainLabel {
		labels = append(labels, domain)
	}
	c.answered.WithLabelValues(labels...).Inc()
	c.duration.WithLabelValues(string(action)).Observe(elapsed.Seconds())
	switch result {
	case solver.ResultSuccess:
		c.lastSuccess.WithLabelValues(string(action)).SetToCurrentTime()
	case solver.ResultGivenUp:
		c.leftBehind.Inc()
	case solver.ResultError:
	}
}

// ValuesPresented implements solver.Observer.
func (c challenges) ValuesPresented(change int) { c.presented.Add(float64(change)) }
