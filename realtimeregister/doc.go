// Package realtimeregister solves DNS-01 challenges in zones at Realtime Register, through version 2 of its API.
//
// The API cannot change a single record: an update replaces all records of a zone, without precondition. So one process
// at a time writes to a zone, in rounds. A round reads the zone, composes the new list from the bytes it read and the
// TXT records of challenges, verifies that nothing else differs, sends it once, and reads it back. All challenges that
// wait for a zone share a round. It never sends an empty list.
//
// Read provider.go, batch.go, round.go, judge.go, plan.go, send.go in this order.
package realtimeregister
