package apiclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// reasonOf returns a constant reason for a missing response. Errors of package net contain ports, which change with each
// attempt.
func reasonOf(cause error) string {
	var dns *net.DNSError
	switch {
	case errors.As(cause, &dns):
		return "DNS lookup failed"
	case isCertificateError(cause):
		return "TLS certificate rejected: " + certificateFault(cause)
	case errors.Is(cause, context.Canceled):
		return "request canceled"
	case isTimeout(cause):
		return "timed out"
	case errors.Is(cause, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(cause, io.EOF), errors.Is(cause, io.ErrUnexpectedEOF),
		errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.EPIPE), errors.Is(cause, net.ErrClosed):
		return "connection lost"
	default:
		return "connection failed"
	}
}

// isNotConnected reports whether no connection was established, so that nothing was sent.
func isNotConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, new(*net.DNSError)) || isCertificateError(err) || errors.As(err, &op) && op.Op == "dial"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

func isCertificateError(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError))
}

func certificateFault(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "expired or not yet valid"
	case errors.As(err, new(x509.HostnameError)):
		return "issued for another host name"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "unknown authority"
	default:
		return "invalid"
	}
}
