// Package hosttest is the base of every simulator: HTTP on the loopback interface, or in memory for virtual time, and a
// DNS server. It knows no DNS host.
package hosttest

// TB is the part of testing.TB that a simulator uses. The T of a library for property tests also implements it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
