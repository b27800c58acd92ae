// Package check tells an operator whether certificates for a domain can be had, step by step and with a remedy for
// each thing that is wrong. It knows DNS and CAs; what is particular to a DNS host is behind Host.
package check
