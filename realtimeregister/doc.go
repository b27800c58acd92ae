// Package realtimeregister reaches the DNS of zones at Realtime Register through its API (v2).
//
// The API has no call for a single record: an update replaces all records of a zone, and there is no version to compare.
// So one process at a time writes a zone, in rounds. A round reads the zone, puts the list together from the very bytes
// that it read and from TXT records of challenges, proves that nothing else differs, sends it once, and reads it back.
// All challenges of a zone that wait at that moment go in one round. An empty list is never sent.
//
// Read provider.go, batch.go, round.go, judge.go, plan.go, send.go in this order.
package realtimeregister
