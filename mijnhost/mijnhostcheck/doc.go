// Package mijnhostcheck is the part of `webhook check` for mijn.host. It measures what mijn.host does not document of its API.
//
// It writes only under one random name, _mijn-host-webhook-check-….<domain>, and always removes what it wrote.
package mijnhostcheck
