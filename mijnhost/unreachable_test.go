package mijnhost_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// Errors of the net package contain addresses and ports.
func TestUnreachable_ConstantMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dial error
		want string
	}{
		"DNS lookup fails": {
			&net.DNSError{Err: "no such host", Name: "mijn.host", Server: "10.96.0.10:53", IsNotFound: true},
			"mijn.host cannot be reached: DNS lookup failed",
		},
		"connection refused": {
			&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: syscall.ECONNREFUSED},
			"mijn.host cannot be reached: connection refused",
		},
		"network unreachable": {
			&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: syscall.ENETUNREACH},
			"mijn.host cannot be reached: connection failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mijnhosttest.Options{}, func(b bubble) {
				o := b.options()
				o.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, c.dial }}
				b.Provider = mijnhost.NewProvider(o)
				for range 2 {
					if err := b.add("value"); err == nil || err.Error() != c.want {
						b.Errorf("got %v, want %s", err, c.want)
					}
				}
			})
		})
	}
}

func TestTLS_Verified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*x509.Certificate)
		trusted bool
		want    string // "": success
	}{
		"valid":              {func(*x509.Certificate) {}, true, ""},
		"expired":            {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, true, "TLS certificate rejected: expired or not yet valid"},
		"other host":         {func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }, true, "TLS certificate rejected: issued for another host name"},
		"unknown authority":  {func(*x509.Certificate) {}, false, "TLS certificate rejected: unknown authority"},
		"client certificate": {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, true, "TLS certificate rejected: invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := addOverTLS(t, callLimit, &tls.Config{}, c.change, c.trusted)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTLS_AtLeast12(t *testing.T) {
	t.Parallel()
	if addOverTLS(t, 2*time.Second, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, func(*x509.Certificate) {}, true) == nil {
		t.Error("TLS 1.1: want an error")
	}
}

// addOverTLS presents a value to a simulator with its own certificate.
func addOverTLS(t *testing.T, limit time.Duration, config *tls.Config, change func(*x509.Certificate), trusted bool) error {
	t.Helper()
	certificate, leaf := newCertificate(t, change)
	config.Certificates = []tls.Certificate{certificate}
	api := mijnhosttest.Start(t, mijnhosttest.Options{TLS: config})
	api.AddAccount(testKey, "example.nl")
	transport := apiclient.NewTransport()
	if trusted {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AddCert(leaf)
	}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), limit) // an unsupported version is retried
	defer cancel()
	p := mijnhost.NewProvider(mijnhost.Options{BaseURL: api.URL(), Transport: transport})
	return present(ctx, p, testKey, testZone, testName, "value")
}

// newCertificate returns a self-signed certificate for the simulator's address, modified by change.
func newCertificate(t *testing.T, change func(*x509.Certificate)) (certificate tls.Certificate, leaf *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, leaf
}
