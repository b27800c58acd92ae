// Package mijnhosttest simulates the mijn.host DNS API (v2) in memory, with an authoritative DNS server for the zones
// that the API stores. Tests and the demo use it, because the live API is out of reach.
//
// It shares no code with the client that is tested with it. Each behaviour has a mark that states its source:
//
//   - D: documented by mijn.host
//   - O: observed by a user of the live API
//   - I: inferred
//   - ?: unknown
//
// Each unknown (I or ?) is a field of [Options], so that a test can verify a promise under every reading: see
// [EveryReading]. Each failure is a [Kind] of [Fault], which a test injects while the server runs.
//
// There are three ways to create a server:
//
//   - [New] does not listen: it is an [http.Handler].
//   - [Start] listens on the loopback interface, HTTP and DNS.
//   - [StartInMemory] listens on in-memory pipes, for tests in virtual time (testing/synctest).
//
// The server takes the time only from the time package, and never blocks in a way that stops virtual time.
package mijnhosttest
