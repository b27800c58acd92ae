package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// testSourceChange does what the chart's README says of a change of tls.source, and shows that it must be said. An upgrade
// that was refused for want of it is made good by the next.
func (s *chartSuite) testSourceChange(t *testing.T) {
	t.Parallel()
	const name, group = "moving", "acme.moving.example"
	release := s.chart(name, name, group)
	s.requireInstalled(t, release, group)

	_, err := s.Helm(within(t, 2*time.Minute), helmArgs("upgrade", withHelmSource(release), "--wait")...)
	if err == nil {
		t.Error("Helm does without --force-conflicts")
	} else {
		requireWords(t, err.Error(), "conflict", ".spec.caBundle")
	}
	s.requireHelmSource(t, release, group, "--force-conflicts")
	s.requireServes(t, group, "moved.nl")
	s.requireCertManagerSource(t, release, group)
	s.requireServes(t, group, "moved-back.nl")
}

// withHelmSource is a release with a serving certificate of Helm's.
func withHelmSource(release cluster.Release) cluster.Release {
	release.Values = append(slices.Clone(release.Values), `tls.source="helm"`)
	return release
}

// requireHelmSource has Helm make the serving certificate instead of cert-manager, and takes away what cert-manager leaves.
func (s *chartSuite) requireHelmSource(t *testing.T, release cluster.Release, group string, flags ...string) {
	t.Helper()
	s.requireHelm(t, "upgrade", withHelmSource(release), append(flags, "--wait")...)
	fullname := release.Name + "-mijn-host-webhook"
	s.requireKubectl(t, "", "delete", "secret", "--namespace="+release.Namespace, fullname+"-tls", fullname+"-ca")
	s.requireNoRequests(t, release.Namespace)
	s.requireTrusted(t, group, s.certificates(t, release.Namespace, fullname+"-tls-helm").ca)
	s.requireAnswers(t, group, release.Name+"-to-helm.nl")
}

// requireCertManagerSource has cert-manager make the serving certificate again.
func (s *chartSuite) requireCertManagerSource(t *testing.T, release cluster.Release, group string) {
	t.Helper()
	s.requireHelm(t, "upgrade", release, "--wait")
	s.requireTrusted(t, group, s.certificates(t, release.Namespace, release.Name+"-mijn-host-webhook-tls").ca)
	s.requireAnswers(t, group, release.Name+"-to-cert-manager.nl")
}

// requireNoRequests waits for the garbage collector to follow the deletion of Certificates. In a cluster as young as this
// one it learns of cert-manager's kinds only after half a minute, and a new Certificate of the same name waits for that.
func (s *chartSuite) requireNoRequests(t *testing.T, namespace string) {
	t.Helper()
	s.await(t, soon, func(ctx context.Context) error {
		var requests cmv1.CertificateRequestList
		if err := s.Client.List(ctx, &requests, client.InNamespace(namespace)); err != nil {
			return err
		}
		if left := len(requests.Items); left > 0 {
			return fmt.Errorf("there are %d CertificateRequests", left)
		}
		return nil
	})
}
