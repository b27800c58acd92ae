//go:build node

package nodetest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/kubelet"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pki"
)

const (
	namespace  = "cert-manager"
	deployment = "mijn-host-webhook"
	group      = "acme.mijn.host"
	apiKey     = "the-api-key"
)

// suite is a cluster of two nodes with cert-manager, two replicas of the webhook, and a simulated mijn.host.
type suite struct {
	*cluster.Cluster
	api     *mijnhosttest.Server
	admin   *kubernetes.Clientset
	started time.Time
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{started: time.Now()}
	set, err := binaries.LocateForNodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx := withLimit(t, 5*time.Minute)
	if err = kubelet.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	ca := s.startAPI(t)
	if s.Cluster, err = cluster.StartOnNodes(ctx, set, s.api.DNSAddr(), cluster.Nodes{
		Count: 2, Archive: os.Getenv("WEBHOOK_ARCHIVE"), ControlGroup: os.Getenv("CONTROL_GROUP"),
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.kubectl(context.WithoutCancel(t.Context()), "get", "pods,events", "--all-namespaces", "--output=wide"))
			t.Log(s.Logs(40))
		}
		s.Stop()
	})
	s.admin = s.as(t, "")
	s.log(t, "two nodes are ready")

	if err := s.InstallCertManager(ctx); err != nil {
		t.Fatal(err)
	}
	s.log(t, "cert-manager is installed")
	restricted := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	if _, err := s.admin.CoreV1().Namespaces().Update(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: restricted},
	}, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Client.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mijn-host-ca"}, Data: map[string]string{"ca.crt": ca},
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.InstallWebhook(ctx, s.Webhook(s.api.URL(), "replicaCount=2",
		`extraVolumes=[{"name": "ca", "configMap": {"name": "mijn-host-ca"}}]`,
		`extraVolumeMounts=[{"name": "ca", "mountPath": "/ca", "readOnly": true}]`,
		`extraEnv=[{"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"}]`,
	)); err != nil {
		t.Fatal(err)
	}
	if err := s.Client.Create(ctx, cluster.NewKeySecret(namespace, apiKey)); err != nil {
		t.Fatal(err)
	}
	if err := s.Client.Create(ctx, &cmv1.ClusterIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: "pebble"}, Spec: s.IssuerSpec(cluster.WithoutSelfCheck),
	}); err != nil {
		t.Fatal(err)
	}
	s.log(t, "the webhook is installed")
	return s
}

// startAPI starts a mijn.host simulator with TLS that the pods can reach, and returns its certificate.
func (s *suite) startAPI(t *testing.T) (ca string) {
	t.Helper()
	authority, err := pki.NewAuthority(t.TempDir(), "mijn-host-ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server("mijn-host", kubelet.ControlPlane)
	if err != nil {
		t.Fatal(err)
	}
	serving, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	s.api = mijnhosttest.New(mijnhosttest.Options{TLS: &tls.Config{Certificates: []tls.Certificate{serving}, MinVersion: tls.VersionTLS13}})
	here := net.JoinHostPort(kubelet.ControlPlane, "0")
	if err = s.api.Listen(here, here); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.api.Close)
	text, err := os.ReadFile(authority.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// log logs an event with the time since the start.
func (s *suite) log(t *testing.T, what string) {
	t.Helper()
	t.Logf("after %s: %s", time.Since(s.started).Round(time.Second), what)
}

// as returns a client that impersonates a user, or an administrator's if user is empty.
func (s *suite) as(t *testing.T, user string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

func (s *suite) kubectl(ctx context.Context, args ...string) string {
	cmd := exec.CommandContext(ctx, s.Program("kubectl"), append([]string{"--kubeconfig=" + s.Kubeconfig()}, args...)...)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("kubectl %v: %v\n%s", args, err, output)
	}
	return string(output)
}

// pods returns the webhook's pods that are not terminating.
func (s *suite) pods(t *testing.T) []corev1.Pod {
	t.Helper()
	pods, err := s.WebhookPods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	staying := pods[:0]
	for _, pod := range pods {
		if pod.DeletionTimestamp == nil {
			staying = append(staying, pod)
		}
	}
	return staying
}

// requireCertificate issues a certificate for a domain and its wildcard.
func (s *suite) requireCertificate(t *testing.T, domain string) {
	t.Helper()
	s.api.AddAccount(apiKey, domain)
	certificate := cluster.NewCertificate("default", domain, cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: "pebble"},
		domain, "*."+domain)
	ctx := withLimit(t, 3*time.Minute)
	if err := s.Client.Create(ctx, certificate); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	secret, err := s.AwaitReady(ctx, certificate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyChain(ctx, secret, certificate.Spec.DNSNames...); err != nil {
		t.Error(err)
	}
	t.Logf("a certificate took %s", time.Since(start).Round(100*time.Millisecond))
}

// call is a call to the webhook.
type call struct {
	start    time.Time
	duration time.Duration
	err      error
}

// call presents challenges and cleans them up, one after another, until the returned function is called. Each call has
// cert-manager's time limit.
func (s *suite) call(t *testing.T, domain string, limit time.Duration) (stop func() []call) {
	t.Helper()
	s.api.AddAccount(apiKey, domain)
	caller := s.as(t, "system:serviceaccount:cert-manager:cert-manager")
	const pace = 5 * time.Millisecond // short, so that few events fall between two calls
	calling, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var calls []call
	go func() {
		defer close(ended)
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			for _, action := range []acme.ChallengeAction{acme.ChallengeActionPresent, acme.ChallengeActionCleanUp} {
				one := call{start: time.Now()}
				// The end of the test must not cancel calls.
				ctx, cancel := context.WithTimeout(context.WithoutCancel(calling), limit)
				one.err = cluster.Ask(ctx, caller, group, domain, action)
				cancel()
				one.duration = time.Since(one.start)
				calls = append(calls, one)
			}
			select {
			case <-tick.C:
			case <-calling.Done():
				return
			}
		}
	}()
	return func() []call {
		end()
		<-ended
		return calls
	}
}

// requireNoneLost fails the test for every lost call.
func requireNoneLost(t *testing.T, calls []call) {
	t.Helper()
	const fewest = 50
	var longest time.Duration
	for _, one := range calls {
		longest = max(longest, one.duration)
		if one.err != nil {
			t.Errorf("call at %s failed after %s: %s", one.start.Format(time.StampMilli), one.duration, describe(one.err))
		}
	}
	t.Logf("%d calls, the longest took %s", len(calls), longest.Round(time.Millisecond))
	if len(calls) < fewest {
		t.Errorf("got %d calls, want at least %d for a conclusion", len(calls), fewest)
	}
}

// describe adds the response body to an error that is not from the webhook.
func describe(err error) string {
	text := err.Error()
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			text += ": " + strings.TrimSpace(cause.Message)
		}
	}
	return text
}

// withLimit returns a context with a deadline whose cause names the limit.
func withLimit(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("timed out after %s", limit))
	t.Cleanup(cancel)
	return ctx
}
