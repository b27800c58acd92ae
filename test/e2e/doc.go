// Package e2e tests the webhook on a real control plane. Only mijn.host and Realtime Register are simulated.
//
//	make e2e           all tests, in four to five minutes once everything is compiled
//	make demo          issues one certificate and prints each step
//	make control-plane builds the programs into .cache/bin
//
// The packages, from the bottom up:
//
//   - binaries builds etcd, kube-apiserver, kube-controller-manager, kubectl, Pebble, Helm, cert-manager and the webhook
//   - certmanager contains cert-manager's programs; multicall puts several programs into one file
//   - process runs a program and makes sure that it stops
//   - pki issues certificates
//   - network gives each cluster its own loopback addresses
//   - controlplane is Kubernetes without nodes
//   - node is the only node; it runs the containers of pods as plain processes
//   - pebble is an ACME server
//   - cluster combines them, and installs the Helm charts of cert-manager and the webhook
//   - conformance is cert-manager's conformance suite for DNS-01 webhooks
//
// None of this needs root, a container engine or network access, and any number of clusters can run at once.
package e2e
