//go:build before_1_21

package certmanager

import "github.com/cert-manager/cert-manager/pkg/controller"

// Before 1.21, the back-off was not configurable.
func backoff(*controller.CertificateOptions) {}
