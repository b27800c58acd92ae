package apiclient

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport for an API: TLS 1.2 or newer with
// verification, a proxy if the environment names one, and a few connections kept for
// half a minute, since challenges come in bursts with months between them. A connection of HTTP/2 that
// no longer answers is given up in time for another attempt.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 3 * time.Second, PingTimeout: 3 * time.Second},
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
