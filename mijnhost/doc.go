// Package mijnhost reaches the DNS of domains at mijn.host through its API (v2): the client
// with its retries and its cool-down, and above it the adding and removing of single TXT values.
//
// It cannot harm a zone. It writes one record with PATCH and removes one with DELETE; the API's PUT, which
// makes a list the whole zone, does not exist here. It never writes back what it has read.
package mijnhost
