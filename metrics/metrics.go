// Package metrics counts what the webhook does, for Prometheus. It is told by the solver and by the client of the
// API, and shown by whoever registers it. docs/metrics.md lists the metrics and is made from them.
package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "mijn_host_webhook"

// Options say what is to be shown.
type Options struct {
	// Version and Commit tell which build this is.
	Version, Commit string
	// DomainLabel has challenges counted for each domain. Each domain then costs some
	// series, and its name is shown to all who may read metrics.
	DomainLabel bool
}

// Metrics is a prometheus.Collector, a solver.Observer and a mijnhost.Observer.
type Metrics struct {
	parts []prometheus.Collector
	challenges
	calls
}

// New returns metrics that have counted nothing yet.
func New(o Options) *Metrics {
	build := gaugeVec("build_info", "Which build this is: always 1.", "version", "commit", "go_version")
	build.WithLabelValues(o.Version, o.Commit, runtime.Version()).Set(1)
	m := &Metrics{challenges: newChallenges(o.DomainLabel), calls: newCalls()}
	m.parts = append(m.challenges.parts(), m.calls.parts()...)
	m.parts = append(m.parts, build)
	return m
}

// Describe is a part of prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, part := range m.parts {
		part.Describe(to)
	}
}

// Collect is a part of prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for _, part := range m.parts {
		part.Collect(to)
	}
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}
