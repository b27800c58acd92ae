package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pki"
)

// testRotation renews all certificates of the chart's PKI during a stream of challenges.
func (s *chartSuite) testRotation(t *testing.T) {
	t.Parallel()
	const (
		namespace, group = "rotation", "acme.rotation.example"
		ca, serving      = "my-mijn-host-webhook-ca", "my-mijn-host-webhook-tls"
	)
	release := s.chart(namespace, "my", group)
	s.requireInstalled(t, release, group)
	pod := s.pod(t, release)
	first := s.certificates(t, namespace, serving)
	s.requireServed(t, pod, first.leaf)
	stop := s.keepCalling(t, group, "steady-rotation.nl")

	oldCA := s.certificates(t, namespace, ca).leaf
	if err := s.Renew(withLimit(t, 30*time.Second), namespace, ca); err != nil {
		t.Fatal(err)
	}
	newCA := s.requireReplaced(t, namespace, ca, oldCA)
	if err := s.Renew(withLimit(t, 30*time.Second), namespace, serving); err != nil {
		t.Fatal(err)
	}
	second := s.requireReplaced(t, namespace, serving, first.leaf)
	s.requireServed(t, pod, second.leaf)

	// A kubelet may take over a minute to update a mounted Secret, so each CA must verify both certificates.
	if newCA.leaf.Equal(oldCA) || !second.ca.Equal(newCA.leaf) {
		t.Error("the new serving certificate is not signed by the new CA")
	}
	for _, one := range []struct{ root, leaf *x509.Certificate }{{oldCA, second.leaf}, {newCA.leaf, first.leaf}} {
		roots := x509.NewCertPool()
		roots.AddCert(one.root)
		if _, err := one.leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "my-mijn-host-webhook.rotation.svc"}); err != nil {
			t.Errorf("certificate %s does not verify with CA %s: %v", one.leaf.SerialNumber, one.root.SerialNumber, err)
		}
	}
	s.requireTrusted(t, group, newCA.leaf)

	third := s.requireReissued(t, namespace, serving, second.leaf)
	s.requireServed(t, pod, third.leaf)
	s.requireServes(t, group, "rotation.nl")
	stop()

	if now := s.pod(t, release); now.UID != pod.UID || now.Status.ContainerStatuses[0].RestartCount > 0 {
		t.Error("the process restarted")
	}
}

// testExistingSecret uses a serving certificate that is not from cert-manager, and configures its CA in both supported ways.
func (s *chartSuite) testExistingSecret(t *testing.T) {
	t.Parallel()
	for domain, values := range map[string]func(bundle []byte) string{
		"bundled.nl": func(bundle []byte) string { return fmt.Sprintf("tls.existingSecret.caBundle=%q", bundle) },
		"injected.nl": func([]byte) string {
			return `apiService.annotations={"cert-manager.io/inject-ca-from-secret": "injected/my-own"}`
		},
	} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			namespace, group := strings.TrimSuffix(domain, ".nl"), "acme."+domain
			s.requireNamespaces(t, namespace)
			bundle := s.requireOwnSecret(t, namespace, "my-own", "my-mijn-host-webhook."+namespace+".svc")
			s.requireInstalled(t, s.chart(namespace, "my", group,
				`tls.source="existingSecret"`, `tls.existingSecret.name="my-own"`, values(bundle)), group)
			s.requireServes(t, group, domain)
		})
	}
}

// requireOwnSecret creates a Secret with a serving certificate from a new CA, and returns that CA.
func (s *chartSuite) requireOwnSecret(t *testing.T, namespace, name, host string) (bundle []byte) {
	t.Helper()
	ca, err := pki.NewAuthority(t.TempDir(), "my-ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server("serving", host)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Annotations: map[string]string{cmv1.AllowsInjectionFromSecretAnnotation: "true"},
		},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{},
	}
	for entry, file := range map[string]string{corev1.TLSCertKey: pair.Cert, corev1.TLSPrivateKeyKey: pair.Key, "ca.crt": ca.CertFile()} {
		if secret.Data[entry], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	s.create(t, secret)
	return secret.Data["ca.crt"]
}

// testIssuerRef issues the serving certificate with an existing issuer.
func (s *chartSuite) testIssuerRef(t *testing.T) {
	t.Parallel()
	const namespace, group = "internal", "acme.internal.example"
	s.create(t, &cmv1.ClusterIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: "internal"},
		Spec:       cmv1.IssuerSpec{IssuerConfig: cmv1.IssuerConfig{SelfSigned: &cmv1.SelfSignedIssuer{}}},
	})
	s.requireInstalled(t, s.chart(namespace, "my", group,
		`tls.certManager.issuerRef={"kind": "ClusterIssuer", "name": "internal"}`), group)
	s.requireServes(t, group, "internal.nl")
}

// testHelmCertificate also proves that an upgrade keeps the generated certificate, and that the pods meet the restricted
// Pod Security Standard.
func (s *chartSuite) testHelmCertificate(t *testing.T) {
	t.Parallel()
	const namespace, group = "restricted", "acme.restricted.example"
	s.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}})
	release := s.chart(namespace, "my", group, `tls.source="helm"`)
	s.requireInstalled(t, release, group)
	before := s.certificates(t, namespace, "my-mijn-host-webhook-tls-helm")

	// The namespace also admits the pod of `helm test`, but no pod that may escalate privileges.
	tested := release
	tested.Values = append(slices.Clone(release.Values), `test.domain="example.nl"`)
	if err := s.dryRun(t, s.requireHelm(t, "template", tested, "--show-only=templates/test-check.yaml"), "--filename=-"); err != nil {
		t.Error(err)
	}
	tested.Values = append(tested.Values, "securityContext.allowPrivilegeEscalation=true")
	err := s.dryRun(t, s.requireHelm(t, "template", tested, "--show-only=templates/test-check.yaml"), "--filename=-")
	if err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted`) {
		t.Errorf("pod that may escalate privileges: got error %v, want a violation", err)
	}

	s.requireHelm(t, "upgrade", release, "--wait")
	if after := s.certificates(t, namespace, "my-mijn-host-webhook-tls-helm"); !after.leaf.Equal(before.leaf) {
		t.Error("the upgrade replaced the certificate")
	}
	s.requireServes(t, group, "restricted.nl")
}

// issued is the content of a Certificate's Secret.
type issued struct{ leaf, ca *x509.Certificate }

func (s *chartSuite) certificates(t *testing.T, namespace, secret string) issued {
	t.Helper()
	return s.requireReplaced(t, namespace, secret, nil)
}

// requireReplaced waits until a Secret contains a new certificate.
func (s *chartSuite) requireReplaced(t *testing.T, namespace, name string, before *x509.Certificate) (now issued) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := s.Await(withLimit(t, 30*time.Second), secret, func() (err error) {
		if now.leaf, err = parseCertificate(secret.Data[corev1.TLSCertKey]); err != nil {
			return err
		}
		if now.ca, err = parseCertificate(secret.Data["ca.crt"]); err != nil {
			return err
		}
		if now.leaf.Equal(before) {
			return fmt.Errorf("%s still contains certificate %s", name, before.SerialNumber)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return now
}

// requireReissued deletes the Secret of a Certificate until there is a new one, because cert-manager may restore a Secret that
// it is still processing.
func (s *chartSuite) requireReissued(t *testing.T, namespace, name string, before *x509.Certificate) issued {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := s.Await(withLimit(t, 30*time.Second), secret, func() error {
		if leaf, err := parseCertificate(secret.Data[corev1.TLSCertKey]); err != nil || !leaf.Equal(before) {
			return err
		}
		return errors.Join(errors.New("not reissued yet"), s.Client.Delete(t.Context(), secret))
	}); err != nil {
		t.Fatal(err)
	}
	return s.requireReplaced(t, namespace, name, before)
}

// parseCertificate parses the first certificate in PEM data.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no certificate yet")
	}
	return x509.ParseCertificate(block.Bytes)
}

// requireServed waits until a pod serves a certificate.
func (s *chartSuite) requireServed(t *testing.T, pod corev1.Pod, want *x509.Certificate) {
	t.Helper()
	address := net.JoinHostPort(network.Loopback(pod.Status.PodIP), "8443")
	// Compared below instead.
	settings := &tls.Config{InsecureSkipVerify: true}
	if err := cluster.Eventually(withLimit(t, 30*time.Second), func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		secured := tls.Client(connection, settings)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		if served := secured.ConnectionState().PeerCertificates[0]; !served.Equal(want) {
			return fmt.Errorf("serving certificate %s, want %s", served.SerialNumber, want.SerialNumber)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// requireTrusted waits until the API server trusts a CA for the webhook of a group. cainjector keeps the previous CAs in
// the bundle.
func (s *chartSuite) requireTrusted(t *testing.T, group string, want *x509.Certificate) {
	t.Helper()
	service := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1." + group}}
	if err := s.Await(withLimit(t, 30*time.Second), service, func() error {
		if !bytes.Contains(service.Spec.CABundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: want.Raw})) {
			return fmt.Errorf("CA %s not found in\n%s", want.SerialNumber, service.Spec.CABundle)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
