// Package pebble runs Pebble, Let's Encrypt's ACME server for tests.
package pebble

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pki"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// Options configure an ACME server.
type Options struct {
	// Dir is the directory for its files.
	Dir string
	// Address is the listen address.
	Address string
	// DNS is the address of the DNS server for challenge records.
	DNS string
}

// Pebble is a running ACME server.
type Pebble struct {
	// Directory is the URL for an Issuer's `server`.
	Directory string
	// CABundle is the PEM certificate that verifies Directory.
	CABundle []byte

	process    *process.Process
	client     *http.Client
	management string
}

// Ports of Pebble: ACME and management.
const (
	acmePort       = "14000"
	managementPort = "15000"
)

// Start returns when the server responds.
func Start(ctx context.Context, set binaries.Set, options Options) (*Pebble, error) {
	// The serving certificate in Pebble's module expires, and is only valid for localhost.
	ca, err := pki.NewAuthority(options.Dir, "pebble-ca")
	if err != nil {
		return nil, err
	}
	serving, err := ca.Server("pebble", options.Address)
	if err != nil {
		return nil, err
	}
	bundle, err := os.ReadFile(ca.CertFile())
	if err != nil {
		return nil, err
	}
	config, err := writeConfig(options, serving)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	p := &Pebble{
		Directory:  "https://" + net.JoinHostPort(options.Address, acmePort) + "/dir",
		CABundle:   bundle,
		client:     &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 5 * time.Second},
		management: "https://" + net.JoinHostPort(options.Address, managementPort),
	}
	p.process, err = process.Start(process.Spec{
		Path: set.Path("pebble"),
		Args: []string{"-config=" + config, "-dnsserver=" + options.DNS},
		// By default it sleeps and rejects valid nonces at random, and reuses valid authorizations.
		Env:     []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0"},
		Dir:     options.Dir,
		LogFile: filepath.Join(options.Dir, "pebble.log"),
	})
	if err != nil {
		return nil, err
	}
	if err := p.process.WaitUntil(ctx, func(ctx context.Context) error {
		_, err := p.get(ctx, p.Directory)
		return err
	}); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop stops the server, which loses its certificates.
func (p *Pebble) Stop() { p.process.Kill() }

// Roots returns the root certificates of this server.
func (p *Pebble) Roots(ctx context.Context) (*x509.CertPool, error) {
	pem, err := p.get(ctx, p.management+"/roots/0")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("pebble: root certificate is not PEM")
	}
	return roots, nil
}

func (p *Pebble) get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("pebble: GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

func writeConfig(options Options, serving pki.Pair) (file string, err error) {
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":           net.JoinHostPort(options.Address, acmePort),
		"managementListenAddress": net.JoinHostPort(options.Address, managementPort),
		"certificate":             serving.Cert,
		"privateKey":              serving.Key,
		"keyAlgorithm":            "ecdsa",
		// Retry-After for clients, in seconds.
		"retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		return "", err
	}
	file = filepath.Join(options.Dir, "pebble.json")
	return file, os.WriteFile(file, config, 0o600)
}
