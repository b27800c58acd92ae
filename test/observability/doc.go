// Package observability tests what an operator sees of the webhook: its binary is scraped by a real Prometheus, which
// knows the alerts and is asked what the dashboard asks. The webhook's surroundings, mijn.host and a Kubernetes API, are in memory.
package observability
