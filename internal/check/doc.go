// Package check tells an operator whether certificates for a domain can be had through mijn.host, step by step
// and with a remedy for each thing that is wrong, and measures what is not known of the API.
//
// It writes under one random name of its own, _mijn-host-webhook-check-….<domain>, removes every
// value that it wrote there however it ends, and touches nothing else.
package check
