package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// calls are the metrics of the API client.
type calls struct {
	ended           *prometheus.CounterVec
	duration        *prometheus.HistogramVec
	inFlight        prometheus.Gauge
	retries         *prometheus.CounterVec
	coolDowns       prometheus.Counter
	coolDownTime    prometheus.Counter
	leftOversAtRisk prometheus.Counter
	foreignLost     prometheus.Counter
}

func newCalls(f factory, operations []apiclient.Operation) calls {
	c := calls{
		ended: f.counterVec("api_calls_total",
			"API call attempts by operation and status. The status is the HTTP status, the failure status in the body "+
				"if there is one, or none if there was no response.", "operation", "status"),
		duration: f.histogramVec("api_call_duration_seconds", "Duration of API call attempts by operation, in seconds.",
			[]float64{0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8}, "operation"),
		inFlight: f.gauge("api_calls_in_flight", "API call attempts in flight."),
		retries:  f.counterVec("api_call_retries_total", "API call attempts that failed and were retried, by operation.", "operation"),
		coolDowns: f.counter("cooldowns_total",
			"Pauses of all calls of an API key after the API rate-limited it (429, or 503 with Retry-After)."),
		coolDownTime: f.counter("cooldown_seconds_total",
			"Total length of the pauses in mijn_host_webhook_cooldowns_total, in seconds. Each is counted when it starts."),
		leftOversAtRisk: f.counter("left_overs_at_risk_total",
			"Left-over TXT values at a challenge's name that PATCH may have replaced."),
		foreignLost: f.counter("foreign_records_lost_total",
			"Records that belong to no challenge and that were missing after an update of their zone, regardless of which client removed them. The log lists them."),
	}
	for _, op := range operations {
		c.duration.WithLabelValues(string(op))
		c.retries.WithLabelValues(string(op))
		// Alerts use increase(), which needs the series to exist before the first failure.
		for _, status := range []int{http.StatusOK, http.StatusUnauthorized} {
			c.ended.WithLabelValues(string(op), statusLabel(status))
		}
	}
	return c
}

func (c calls) parts() []prometheus.Collector {
	return []prometheus.Collector{
		c.ended, c.duration, c.inFlight, c.retries, c.coolDowns, c.coolDownTime, c.leftOversAtRisk, c.foreignLost,
	}
}

// CallStarted implements apiclient.Observer.
func (c calls) CallStarted() { c.inFlight.Inc() }

// CallEnded implements apiclient.Observer.
func (c calls) CallEnded(op apiclient.Operation, status int, elapsed time.Duration) {
	c.inFlight.Dec()
	c.ended.WithLabelValues(string(op), statusLabel(status)).Inc()
	c.duration.WithLabelValues(string(op)).Observe(elapsed.Seconds())
}

// Retried implements apiclient.Observer.
func (c calls) Retried(op apiclient.Operation) { c.retries.WithLabelValues(string(op)).Inc() }

// CooledDown implements apiclient.Observer.
func (c calls) CooledDown(pause time.Duration) {
	c.coolDowns.Inc()
	c.coolDownTime.Add(pause.Seconds())
}

// LeftOverAtRisk implements mijnhost.Observer.
func (c calls) LeftOverAtRisk() { c.leftOversAtRisk.Inc() }

// ForeignLost implements realtimeregister.Observer.
func (c calls) ForeignLost(records int) { c.foreignLost.Add(float64(records)) }

// statusLabel limits the label's cardinality to HTTP's valid statuses.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status)
}
