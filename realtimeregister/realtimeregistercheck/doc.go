// Package realtimeregistercheck is what `webhook check` asks of Realtime Register.
//
// It reads, and writes only if --write is given: an update replaces all records of a zone. Then one probe record goes
// through the same code that answers challenges, and out of the zone again.
package realtimeregistercheck
