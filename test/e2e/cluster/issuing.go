package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	acmev1 "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The chart's default Secret and key in it for mijn.host.
const (
	KeySecret      = "mijn-host-api-key"
	KeySecretEntry = "api-key"
)

// Host is a DNS host that the webhook supports.
type Host struct {
	// Solver is the solver's name in an issuer.
	Solver string
	// KeySecret is the chart's default name for the Secret with the API key.
	KeySecret string
}

// MijnHost is mijn.host.
func MijnHost() Host { return Host{Solver: "mijn-host", KeySecret: KeySecret} }

// RealtimeRegister is Realtime Register.
func RealtimeRegister() Host {
	return Host{Solver: "realtime-register", KeySecret: "realtime-register-api-key"}
}

// NewKeySecret returns a Secret with an API key for the host.
func (h Host) NewKeySecret(namespace, apiKey string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: h.KeySecret},
		StringData: map[string]string{KeySecretEntry: apiKey},
	}
}

// NewKeySecret returns a Secret with an API key for mijn.host.
func NewKeySecret(namespace, apiKey string) *corev1.Secret {
	return MijnHost().NewKeySecret(namespace, apiKey)
}

// SelfCheck selects whether cert-manager waits until it sees the record and then for another minute.
type SelfCheck bool

// Values of SelfCheck.
const (
	WithSelfCheck    SelfCheck = true
	WithoutSelfCheck SelfCheck = false
)

// IssuerSpec returns an issuer for Pebble that solves all challenges at mijn.host.
func (c *Cluster) IssuerSpec(check SelfCheck) cmv1.IssuerSpec {
	return c.IssuerOf(c.Solver(MijnHost(), check))
}

// IssuerOf returns an issuer for Pebble with these solvers.
func (c *Cluster) IssuerOf(solvers ...acmev1.ACMEChallengeSolver) cmv1.IssuerSpec {
	return cmv1.IssuerSpec{IssuerConfig: cmv1.IssuerConfig{ACME: &acmev1.ACMEIssuer{
		Server:     c.Pebble.Directory,
		CABundle:   c.Pebble.CABundle,
		PrivateKey: cmmetav1.SecretKeySelector{LocalObjectReference: cmmetav1.LocalObjectReference{Name: "acme-account"}},
		Solvers:    solvers,
	}}}
}

// Solver returns a solver for a host, for names in these zones, or for all names that no other solver matches.
func (c *Cluster) Solver(host Host, check SelfCheck, zones ...string) acmev1.ACMEChallengeSolver {
	config, err := json.Marshal(map[string]any{
		"apiKeySecretRef": map[string]string{"name": host.KeySecret, "key": KeySecretEntry},
	})
	if err != nil {
		panic(err) // The config consists of strings.
	}
	solver := acmev1.ACMEChallengeSolver{DNS01: &acmev1.ACMEChallengeSolverDNS01{
		CNAMEStrategy: acmev1.FollowStrategy,
		Webhook: &acmev1.ACMEIssuerDNS01ProviderWebhook{
			GroupName:  "acme.mijn.host",
			SolverName: host.Solver,
			Config:     &apiextensionsv1.JSON{Raw: config},
		},
	}}
	if len(zones) > 0 {
		solver.Selector = &acmev1.CertificateDNSNameSelector{DNSZones: zones}
	}
	if check == WithoutSelfCheck && !c.binaries.CertManagerBefore(21) {
		// While it waits, cert-manager 1.21 updates the Challenge continuously.
		solver.WaitInsteadOfSelfCheck = &metav1.Duration{}
	}
	return solver
}

// NewCertificate returns a Certificate whose Secret has the same name.
func NewCertificate(namespace, name string, issuer cmmetav1.IssuerReference, dnsNames ...string) *cmv1.Certificate {
	return &cmv1.Certificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: cmv1.CertificateSpec{
			SecretName: name,
			DNSNames:   dnsNames,
			IssuerRef:  issuer,
			PrivateKey: &cmv1.CertificatePrivateKey{Algorithm: cmv1.ECDSAKeyAlgorithm, Size: 256},
		},
	}
}

// Await reads an object until condition returns nil.
func (c *Cluster) Await(ctx context.Context, object client.Object, condition func() error) error {
	return Eventually(ctx, func(ctx context.Context) error {
		if err := c.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		return condition()
	})
}

// Eventually is Poll with an interval for cheap requests.
func Eventually(ctx context.Context, try func(context.Context) error) error {
	return Poll(ctx, 100*time.Millisecond, try)
}

// Poll retries at this interval until there is no error. It returns the last error when the context ends.
func Poll(ctx context.Context, interval time.Duration, try func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		// A failure caused by the end of ctx explains nothing.
		if err := try(ctx); err == nil || ctx.Err() == nil {
			last = err
		}
		if last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; last error: %w", context.Cause(ctx), last)
		}
	}
}

// Renew makes cert-manager reissue a Certificate, as `cmctl renew` does.
func (c *Cluster) Renew(ctx context.Context, namespace, name string) error {
	certificate := &cmv1.Certificate{}
	return Eventually(ctx, func(ctx context.Context) error {
		if err := c.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, certificate); err != nil {
			return err
		}
		certificate.Status.Conditions = append(certificate.Status.Conditions, cmv1.CertificateCondition{
			Type: cmv1.CertificateConditionIssuing, Status: cmmetav1.ConditionTrue, Reason: "ManuallyTriggered",
			LastTransitionTime: new(metav1.Now()),
		})
		return c.Client.Status().Update(ctx, certificate)
	})
}

// AwaitReady waits until a Certificate is Ready and returns its Secret.
func (c *Cluster) AwaitReady(ctx context.Context, certificate *cmv1.Certificate) (*corev1.Secret, error) {
	if err := c.Await(ctx, certificate, func() error { return certificateReady(certificate) }); err != nil {
		return nil, fmt.Errorf("certificate %s/%s: %w\n%s", certificate.Namespace, certificate.Name, err, c.challenges(ctx, certificate.Namespace))
	}
	secret := &corev1.Secret{}
	return secret, c.Client.Get(ctx, client.ObjectKey{Namespace: certificate.Namespace, Name: certificate.Spec.SecretName}, secret)
}

func certificateReady(certificate *cmv1.Certificate) error {
	for _, condition := range certificate.Status.Conditions {
		if condition.Type == cmv1.CertificateConditionReady {
			if condition.Status == cmmetav1.ConditionTrue {
				return nil
			}
			return errors.New(condition.Message)
		}
	}
	return errors.New("cert-manager has not processed it yet")
}

// Challenges lists the Challenges of a namespace.
func (c *Cluster) Challenges(ctx context.Context, namespace string) ([]acmev1.Challenge, error) {
	var list acmev1.ChallengeList
	err := c.Client.List(ctx, &list, client.InNamespace(namespace))
	return list.Items, err
}

// challenges describes the Challenges of a namespace for an error message.
func (c *Cluster) challenges(ctx context.Context, namespace string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	challenges, err := c.Challenges(ctx, namespace)
	if err != nil {
		return err.Error()
	}
	var all strings.Builder
	for _, challenge := range challenges {
		fmt.Fprintf(&all, "challenge of %s: state %q, presented %t, %s\n",
			challenge.Spec.DNSName, challenge.Status.State, challenge.Status.Presented, challenge.Status.Reason)
	}
	return all.String()
}
