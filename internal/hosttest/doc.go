// Package hosttest is what a simulator of any DNS host needs and what says
// nothing of the host: it listens (on the loopback interface, or on pipes in
// memory for virtual time) and serves zones by DNS. What a host's API does is
// for the simulator's own package.
package hosttest

// TB is what a simulator needs of a test: a testing.TB is one, and so is the T
// of a library for property tests.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
