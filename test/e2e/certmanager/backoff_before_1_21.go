//go:build before_1_21

package certmanager

import "github.com/cert-manager/cert-manager/pkg/controller"

// backoff was no option yet.
func backoff(*controller.CertificateOptions) {}
