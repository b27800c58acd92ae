// Package chart tests the Helm chart without a cluster: values.yaml, values.schema.json, README.md and Chart.yaml must agree,
// Helm's linter and the chart's unit tests must pass, and the package must have the right files. It runs helm, helm-docs and
// helm-unittest from .cache/bin, where make builds them.
package chart
