// Package mijnhostcheck is what `webhook check` asks of mijn.host, and measures of what is not known of its API.
//
// It writes under one random name of its own, _mijn-host-webhook-check-….<domain>, removes every
// value that it wrote there however it ends, and touches nothing else.
package mijnhostcheck
