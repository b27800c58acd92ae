// Package observability tests metrics, alerts and dashboard: a real Prometheus scrapes the webhook's binary, evaluates the alerts
// and answers the dashboard's queries. mijn.host and the Kubernetes API are simulated.
package observability
