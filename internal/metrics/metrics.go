// Package metrics has the webhook's Prometheus metrics. Its test generates docs/reference/metrics.md.
package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

const namespace = "mijn_host_webhook"

// NewBuildInfo returns a gauge of 1 with the build's version, commit and Go version as labels.
func NewBuildInfo(version, commit string) prometheus.Collector {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Version and commit of this build; always 1."},
		[]string{"version", "commit", "go_version"})
	build.WithLabelValues(version, commit, runtime.Version()).Set(1)
	return build
}

// Options configure the metrics of one solver and its DNS host.
type Options struct {
	// Provider is the value of the label "provider": the solver's name.
	Provider string
	// Operations are the calls of the host's API. Their series exist from the start.
	Operations []apiclient.Operation
	// DomainLabel adds a domain label to challenges_total. Each domain adds series, and all readers of metrics see it.
	DomainLabel bool
}

// Metrics are the metrics of one solver and its DNS host. It is a prometheus.Collector and the Observer of both.
type Metrics struct {
	parts []prometheus.Collector
	challenges
	calls
}

// New returns metrics whose counters are 0. The caller registers them.
func New(o Options) *Metrics {
	f := factory{prometheus.Labels{"provider": o.Provider}}
	m := &Metrics{challenges: newChallenges(f, o.DomainLabel), calls: newCalls(f, o.Operations)}
	m.parts = append(m.challenges.parts(), m.calls.parts()...)
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	for _, part := range m.parts {
		part.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	for _, part := range m.parts {
		part.Collect(to)
	}
}

// factory makes metrics with common labels.
type factory struct{ labels prometheus.Labels }

func (f factory) counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: f.labels})
}

func (f factory) counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: f.labels}, labels)
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: f.labels})
}

func (f factory) gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: f.labels}, labels)
}

func (f factory) histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: f.labels, Buckets: buckets}, labels)
}
