package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// deletion is of an object that the clean-up of an issuance in progress needs.
type deletion struct {
	// name is that of the namespace.
	name   string
	remove func(t *testing.T, namespace, domain string)
	left   bool // the record is left behind
}

func (s *suite) deletions() []deletion {
	return []deletion{
		{"namespace", func(*testing.T, string, string) {}, false},
		{"secret", func(t *testing.T, namespace, _ string) {
			t.Helper()
			s.delete(t, cluster.NewKeySecret(namespace, ""))
		}, false},
		{"issuer", func(t *testing.T, namespace, _ string) {
			t.Helper()
			s.delete(t, &cmv1.Issuer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pebble"}})
		}, false},
		{"domain", func(_ *testing.T, _, domain string) { s.api.RemoveDomain(domain) }, true},
		{"nameservers", func(_ *testing.T, _, domain string) { s.api.SetDNSElsewhere(domain) }, true},
	}
}

// testDeletionDuringIssuance: in every case the Challenge and its namespace are deleted.
func (s *suite) testDeletionDuringIssuance(t *testing.T) {
	t.Parallel()
	const apiKey = "key-of-the-deletion-test"
	for _, c := range s.deletions() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			domain := c.name + ".nl"
			before := s.addDomain(apiKey, domain)
			s.create(t,
				cluster.NewKeySecret(c.name, apiKey),
				s.slowIssuer(c.name),
				cluster.NewCertificate(c.name, "certificate", cmmetav1.IssuerReference{Kind: cmv1.IssuerKind, Name: "pebble"}, domain, "*."+domain),
			)
			s.await(t, soon, func(context.Context) error {
				if slices.Equal(s.api.Records(domain), before) {
					return errors.New("no record presented yet")
				}
				return nil
			})
			c.remove(t, c.name, domain)
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.name}}
			s.delete(t, namespace)
			s.await(t, soon, func(ctx context.Context) error {
				err := s.Client.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
				if apierrors.IsNotFound(err) {
					return nil
				}
				return errors.Join(err, fmt.Errorf("the namespace still exists: %v", namespace.Status))
			})
			if !c.left {
				s.requireUntouched(t, domain, before)
			}
		})
	}
}

func (s *suite) delete(t *testing.T, object client.Object) {
	t.Helper()
	if err := s.Client.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// slowIssuer returns an Issuer whose challenges wait for an hour after they are presented.
func (s *suite) slowIssuer(namespace string) *cmv1.Issuer {
	issuer := &cmv1.Issuer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pebble"}, Spec: s.IssuerSpec(cluster.WithoutSelfCheck)}
	issuer.Spec.ACME.Solvers[0].WaitInsteadOfSelfCheck = &metav1.Duration{Duration: time.Hour}
	return issuer
}

// await waits until condition returns nil.
func (s *suite) await(t *testing.T, limit time.Duration, condition func(context.Context) error) {
	t.Helper()
	if s.before121 {
		limit += selfCheck // self-checks of other challenges occupy the workers
	}
	if err := cluster.Eventually(withLimit(t, limit), condition); err != nil {
		t.Fatal(err)
	}
}
