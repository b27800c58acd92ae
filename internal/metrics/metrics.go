// Package metrics counts what the webhook does, for Prometheus. docs/reference/metrics.md is made from it.
package metrics

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

const namespace = "mijn_host_webhook"

// NewBuildInfo returns the metric that shows which build this is.
func NewBuildInfo(version, commit string) prometheus.Collector {
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Which build this is: always 1."},
		[]string{"version", "commit", "go_version"})
	build.WithLabelValues(version, commit, runtime.Version()).Set(1)
	return build
}

// Options describe the metrics of one solver and its DNS host.
type Options struct {
	// Provider is the value of the label of that name: the solver's name.
	Provider string
	// Operations are the calls of the host's API. Their series are shown from the start.
	Operations []apiclient.Operation
	// DomainLabel counts challenges by domain. Each domain then costs some series, and whoever may read metrics sees its name.
	DomainLabel bool
}

// Metrics are those of one solver and its DNS host. They are a prometheus.Collector and observe both.
type Metrics struct {
	parts []prometheus.Collector
	challenges
	calls
}

// New returns metrics that have counted nothing yet.
func New(o Options) *Metrics {
	f := factory{prometheus.Labels{"provider": o.Provider}}
	m := &Metrics{challenges: newChallenges(f, o.DomainLabel), calls: newCalls(f, o.Operations)}
	m.parts = append(m.challenges.parts(), m.calls.parts()...)
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

// factory makes metrics that carry the same labels.
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
