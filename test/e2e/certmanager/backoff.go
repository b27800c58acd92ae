//go:build !before_1_21

package certmanager

import (
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
)

// backoff after a failed certificate: cert-manager's default.
func backoff(options *controller.CertificateOptions) {
	options.CertificateRequestMinimumBackoffDuration = time.Hour
	options.CertificateRequestMaximumBackoffDuration = 32 * time.Hour
}
