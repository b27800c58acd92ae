// Package mijnhost adds and removes single TXT values at mijn.host through its API (v2).
//
// It cannot harm a zone: it writes one record with PATCH and removes one with DELETE. It never sends PUT, which replaces the whole
// zone, and never writes back what it has read.
package mijnhost
