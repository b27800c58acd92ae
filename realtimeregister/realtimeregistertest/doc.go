// Package realtimeregistertest simulates the Realtime Register DNS API (v2) in memory, with an authoritative DNS server
// for the zones that the API stores. The live API was not available to its authors.
//
// It shares no code with the client. Each behaviour has a mark that states its source:
//
//   - D: documented by Realtime Register
//   - O: observed in a published client
//   - I: inferred
//   - ?: unknown
//
// Each unknown (I or ?) is a field of [Options]. Each failure is a [Kind] of [Fault].
//
// An update replaces all records of a zone, so the server notes every foreign record that an update loses or changes: a
// [Harm]. It fails the test that caused one. A foreign record is one that [Server.AddZone], [Server.AddRecord] and the
// like wrote, except TXT values that [Server.DeclareChallenge] names.
//
// [New] returns a server that does not listen, [Start] one on the loopback interface, and [StartInMemory] one for a
// testing/synctest bubble. The server takes the time from the time package, and its only goroutines are those that
// serve requests.
package realtimeregistertest
