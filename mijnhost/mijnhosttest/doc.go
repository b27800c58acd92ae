// Package mijnhosttest is the mijn.host DNS API (v2) as a server in memory,
// together with an authoritative DNS server for the very zones that the API
// stores. Tests and the demo run against it, because no one who writes this program
// can reach the live API.
//
// It knows nothing of the client that is tested with it: it is written from
// what is known of the API alone. What is known carries a mark, which the
// documentation of this package repeats where it matters:
//
//   - D: documented by mijn.host
//   - O: observed by a user of the live API
//   - I: inferred
//   - ?: unknown
//
// Whatever is marked I or ? can be read in more than one way; each such
// reading is a field of [Options], so that a test can check a promise under
// every reading (see [EveryReading]). Whatever can go wrong on the way is a
// [Kind] of [Fault], injected while the server runs.
//
// There are three ways to have a server:
//
//   - [New] makes one that does not listen: it is an [http.Handler].
//   - [Start] listens on the loopback interface, HTTP and DNS.
//   - [StartInMemory] listens on pipes in memory, so that a test can run
//     within a testing/synctest bubble, in virtual time.
//
// The server takes the time from the time package and from nowhere else, and
// never waits in a way that would block virtual time.
package mijnhosttest
