// Package e2e proves the webhook on a real control plane, where nothing is simulated but mijn.host and Realtime
// Register themselves.
//
//	make e2e           everything, in two to three minutes once all is compiled
//	make demo          one certificate, for people
//	make control-plane the programs alone, left in .cache/bin of the repository
//
// The parts, from the bottom up:
//
//   - binaries builds etcd, kube-apiserver, kube-controller-manager, kubectl, Pebble, Helm, cert-manager and the webhook
//   - certmanager is cert-manager's programs, and multicall lets one file be several programs
//   - process runs one of them, and sees to its end
//   - pki makes certificates
//   - network gives a cluster addresses of its own on loopback
//   - controlplane is Kubernetes without nodes
//   - node is the one node, which runs the containers of pods as plain processes
//   - pebble is an ACME server
//   - cluster puts them together, and installs cert-manager and the webhook by their Helm charts
//   - conformance is cert-manager's own suite for webhooks
//
// All of it works without root, without a container engine and without network, and as often at once as one likes.
package e2e
