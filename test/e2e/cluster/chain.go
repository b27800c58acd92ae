package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// VerifyChain checks that the certificate in a Secret matches its key, chains to Pebble's root, and has exactly these names.
func (c *Cluster) VerifyChain(ctx context.Context, secret *corev1.Secret, names ...string) (*x509.Certificate, error) {
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, err
	}
	roots, err := c.Pebble.Roots(ctx)
	if err != nil {
		return nil, err
	}
	intermediates := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		intermediate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		intermediates.AddCert(intermediate)
	}
	leaf := pair.Leaf
	for _, name := range names {
		if _, err := leaf.Verify(x509.VerifyOptions{
			DNSName:       strings.Replace(name, "*", "any", 1),
			Roots:         roots,
			Intermediates: intermediates,
		}); err != nil {
			return nil, err
		}
	}
	if got, want := slices.Sorted(slices.Values(leaf.DNSNames)), slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
		return nil, fmt.Errorf("got a certificate for %q, want %q", got, want)
	}
	return leaf, nil
}
