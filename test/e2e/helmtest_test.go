package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/node"
)

// TestHelmTest: `helm test --logs` fails with a wrong key and prints how to fix it. With the right key it succeeds, and the
// zone is unchanged.
func TestHelmTest(t *testing.T) {
	t.Parallel()
	const (
		apiKey = "key-of-the-helm-test"
		domain = "tested.nl"
	)
	s := newSuite(t)
	before := s.addDomain(apiKey, domain)
	_, port, err := net.SplitHostPort(s.api.DNSAddr())
	if err != nil {
		t.Fatal(err)
	}
	release := s.Webhook(s.api.URL(), fmt.Sprintf("test.domain=%q", domain),
		// The simulated nameserver cannot listen on port 53 without root.
		fmt.Sprintf("test.extraArgs=[%q, %q]", "--resolver="+s.api.DNSAddr(), "--nameserver-port="+port))
	if err = s.InstallWebhook(withLimit(t, startLimit), release); err != nil {
		t.Fatal(err)
	}

	s.serveLogs(t)
	s.create(t, cluster.NewKeySecret("cert-manager", "wrong-key"))
	rejected, err := s.helmTest(t, release)
	if err == nil {
		t.Errorf("helm test succeeded with a wrong key:\n%s", rejected)
	}
	requireWords(t, rejected, "✗ The API key from the Secret cert-manager/mijn-host-api-key",
		"No valid API key set", "Fix: Check the key and its expiry date in mijn.host's control panel", "1 problem found.")
	s.requirePhase(t, release, corev1.PodFailed)
	s.requireUntouched(t, domain, before)

	if err = s.Client.Update(t.Context(), cluster.NewKeySecret("cert-manager", apiKey)); err != nil {
		t.Fatal(err)
	}
	accepted, err := s.helmTest(t, release)
	if err != nil {
		t.Error(err)
	}
	requireWords(t, accepted, "Phase:          Succeeded", "✓ mijn.host accepts the API key", "✓ All nameservers serve the probe record: ns1.mijn.host",
		"✓ Removed the probe record.", "All is well.")
	s.requirePhase(t, release, corev1.PodSucceeded)
	s.requireUntouched(t, domain, before)
	for _, key := range []string{apiKey, "wrong-key"} {
		if strings.Contains(rejected+accepted, key) {
			t.Errorf("the output contains %s", key)
		}
	}
}

// helmTest returns the output of `helm test --logs`, on failure too.
func (s *suite) helmTest(t *testing.T, release cluster.Release) (output string, failure error) {
	t.Helper()
	output, failure = s.Helm(withLimit(t, 5*time.Minute), "test", release.Name, "--namespace="+release.Namespace, "--logs", "--timeout=4m")
	if failure != nil {
		output = failure.Error()
	}
	if err := os.Remove(s.logOf(release.Namespace, checkPod(release).Name, "check")); err != nil { // the next pod has the same name
		t.Fatalf("the check did not run: %v\n%s", err, output)
	}
	return output, failure
}

// logOf returns the path of a container's log on the node.
func (s *suite) logOf(namespace, pod, container string) string {
	return filepath.Join(s.Dir, "pods", namespace+"."+pod, container+".log")
}

// serveLogs serves pod logs like a kubelet, and registers its address on the Node.
func (s *suite) serveLogs(t *testing.T) {
	t.Helper()
	routes := http.NewServeMux()
	routes.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, s.logOf(r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")))
	})
	kubelet := httptest.NewTLSServer(routes)
	t.Cleanup(kubelet.Close)
	address, err := netip.ParseAddrPort(kubelet.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	at := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node.Name}}
	s.await(t, soon, func(ctx context.Context) error {
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(at), at); err != nil {
			return err
		}
		// For the API server, 10.0.0.1 is 127.0.0.1.
		at.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}}
		at.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(address.Port())
		return s.Client.Status().Update(ctx, at)
	})
}

func checkPod(release cluster.Release) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: release.Namespace, Name: release.Name + "-check"}}
}

// requirePhase also checks that the pod of `helm test` still exists, so that its log can be read.
func (s *suite) requirePhase(t *testing.T, release cluster.Release, want corev1.PodPhase) {
	t.Helper()
	pod := checkPod(release)
	if err := s.Await(withLimit(t, 30*time.Second), pod, func() error {
		if pod.Status.Phase != want {
			return fmt.Errorf("got phase %s, want %s", pod.Status.Phase, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func requireWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q not found in:\n%s", word, text)
		}
	}
}
