package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// challenges is what the solver tells of.
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
			"Calls of cert-manager, by action (present, cleanup) and result (success, error, given_up). "+
				"With --metrics-domain-label also by the domain of the account, which is empty where none was found.", labels...),
		duration: f.histogramVec("challenge_duration_seconds", "How long the calls of cert-manager took, by action.",
			[]float64{0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 25}, "action"),
		lastSuccess: f.gaugeVec("last_success_timestamp_seconds",
			"When a call of cert-manager last succeeded, by action, in seconds since 1970. Absent until one has.", "action"),
		presented: f.gauge("presented_values",
			"TXT values that this process has presented and not yet cleaned up. One that another process cleaned up counts for up to a week."),
		leftBehind: f.counter("records_left_behind_total",
			"Clean-ups given up, each of which may have left a TXT record behind: the Secret or the domain is gone. The log names the record."),
	}
	c.start()
	return c
}

// start shows the series that are known beforehand at 0, so that their first increase is one.
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

// ChallengeAnswered is a part of solver.Observer.
func (c challenges) ChallengeAnswered(action solver.Action, result solver.Result, domain string, took time.Duration) {
	labels := []string{string(action), string(result)}
	if c.domainLabel {
		labels = append(labels, domain)
	}
	c.answered.WithLabelValues(labels...).Inc()
	c.duration.WithLabelValues(string(action)).Observe(took.Seconds())
	switch result {
	case solver.ResultSuccess:
		c.lastSuccess.WithLabelValues(string(action)).SetToCurrentTime()
	case solver.ResultGivenUp:
		c.leftBehind.Inc()
	case solver.ResultError:
	}
}

// ValuesPresented is a part of solver.Observer.
func (c challenges) ValuesPresented(change int) { c.presented.Add(float64(change)) }
