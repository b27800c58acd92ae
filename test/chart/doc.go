// Package chart tests the Helm chart without a cluster: that values.yaml, values.schema.json, README.md and Chart.yaml
// say the same, that Helm's linter and the chart's unit tests pass, and what is in the package. It runs helm, helm-docs
// and helm-unittest from .cache/bin, where make builds them.
package chart
