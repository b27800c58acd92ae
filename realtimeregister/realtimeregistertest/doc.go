// Package realtimeregistertest is the Realtime Register DNS API (v2) as a server
// in memory, together with an authoritative DNS server for the very zones that
// the API stores. The live API was not available to its authors.
//
// It shares no code with the client: it is written from what is known of the API
// alone. What is known carries a mark:
//
//   - D: documented by Realtime Register
//   - O: observed in a published client
//   - I: inferred
//   - ?: unknown
//
// What is marked I or ? can be read in more than one way; each reading is a
// field of [Options]. What can go wrong on the way is a [Kind] of [Fault].
//
// An update replaces all records of a zone, so the server keeps a record of
// every foreign record that an update lost or changed: a [Harm]. It fails the
// test that caused one. Foreign is what [Server.AddZone], [Server.AddRecord] and
// their like wrote, but for TXT values that [Server.DeclareChallenge] names.
//
// [New] makes a server that does not listen, [Start] one on the loopback
// interface, and [StartInMemory] one for a testing/synctest bubble. The server
// takes the time from the time package, and has no goroutine of its own but
// those that answer.
package realtimeregistertest
