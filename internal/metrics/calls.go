package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// calls is what the client of the API tells of.
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
			"Attempts to call the API, by operation and status: "+
				"the HTTP status, the one in the body where that tells of a failure, or none where no answer came.", "operation", "status"),
		duration: f.histogramVec("api_call_duration_seconds", "How long the attempts took, by operation.",
			[]float64{0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8}, "operation"),
		inFlight: f.gauge("api_calls_in_flight", "Attempts that are under way."),
		retries:  f.counterVec("api_call_retries_total", "Attempts that failed and were followed by another one, by operation.", "operation"),
		coolDowns: f.counter("cooldowns_total",
			"How often the API asked for fewer calls (429, or 503 with Retry-After), and all calls of that key paused."),
		coolDownTime: f.counter("cooldown_seconds_total", "How long those pauses were. Each is counted when it begins."),
		leftOversAtRisk: f.counter("left_overs_at_risk_total",
			"Left-over TXT values under a challenge's name that PATCH may have replaced."),
		foreignLost: f.counter("foreign_records_lost_total",
			"Records that belong to no challenge and that were gone after an update of their zone, whoever removed them. The log has them."),
	}
	for _, op := range operations {
		c.duration.WithLabelValues(string(op))
		c.retries.WithLabelValues(string(op))
		// What an alert watches must be there before it rises.
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

// CallStarted is a part of apiclient.Observer.
func (c calls) CallStarted() { c.inFlight.Inc() }

// CallEnded is a part of apiclient.Observer.
func (c calls) CallEnded(op apiclient.Operation, status int, took time.Duration) {
	c.inFlight.Dec()
	c.ended.WithLabelValues(string(op), statusLabel(status)).Inc()
	c.duration.WithLabelValues(string(op)).Observe(took.Seconds())
}

// Retried is a part of apiclient.Observer.
func (c calls) Retried(op apiclient.Operation) { c.retries.WithLabelValues(string(op)).Inc() }

// CooledDown is a part of apiclient.Observer.
func (c calls) CooledDown(pause time.Duration) {
	c.coolDowns.Inc()
	c.coolDownTime.Add(pause.Seconds())
}

// LeftOverAtRisk is a part of mijnhost.Observer.
func (c calls) LeftOverAtRisk() { c.leftOversAtRisk.Inc() }

// ForeignLost is a part of realtimeregister.Observer.
func (c calls) ForeignLost(records int) { c.foreignLost.Add(float64(records)) }

// statusLabel keeps the label to the few hundred values that HTTP has.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status)
}
