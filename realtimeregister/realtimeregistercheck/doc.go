// Package realtimeregistercheck is the part of `webhook check` for Realtime Register.
//
// It only reads unless --write or --remove-value is set, because an update replaces all records of a zone. Writes use the same code
// as challenges.
package realtimeregistercheck
