//go:build node

package nodetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestOnRealNodes tests how a kubelet and containerd run the image and the chart. The subtests depend on their order: the
// last one loses a node.
func TestOnRealNodes(t *testing.T) {
	s := newSuite(t)
	t.Run("the process has no privileges", s.testProcess)
	t.Run("exec and logs", s.testExec)
	t.Run("issuance", func(t *testing.T) { s.requireCertificate(t, "example.nl") })
	for range 3 { // Few calls coincide with a shutdown.
		t.Run("rollout loses no call", s.testRollout)
	}
	t.Run("new serving certificate: no call lost, no restart", s.testRotation)
	t.Run("every probe succeeds", s.testProbes)
	t.Run("loss of a node", s.testLoss)
	s.log(t, "done")
}

// testProcess checks the webhook's processes from the host through /proc.
func (s *suite) testProcess(t *testing.T) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if line, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(line), "/webhook\x00") {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(file), "status"))
		if err != nil {
			t.Fatal(err)
		}
		mounts, err := os.ReadFile(filepath.Join(filepath.Dir(file), "mounts"))
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^\S+ / \S+ ro,`).Match(mounts) {
			t.Errorf("got a writable root file system, want read-only:\n%s", mounts)
		}
		found++
		for entry, want := range map[string]string{
			"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532", "Groups": "65532",
			"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
			"NoNewPrivs": "1", "Seccomp": "2", // a filter
		} {
			match := regexp.MustCompile(`(?m)^` + entry + `:(.*)$`).FindSubmatch(status)
			if match == nil {
				t.Errorf("%s not found in /proc", entry)
			} else if got := strings.Join(strings.Fields(string(match[1])), " "); got != want {
				t.Errorf("%s: got %q, want %q", entry, got, want)
			}
		}
	}
	if found != 2 {
		t.Errorf("got %d processes of the webhook, want 2", found)
	}
	nodes := map[string]bool{}
	for _, pod := range s.pods(t) {
		nodes[pod.Spec.NodeName] = true
	}
	if len(nodes) != 2 {
		t.Errorf("got pods on nodes %v, want 2 nodes", nodes)
	}
}

// none is the value for no capabilities.
const none = "0000000000000000"

func (s *suite) testExec(t *testing.T) {
	for _, pod := range s.pods(t) {
		if got := s.kubectl(t.Context(), "exec", "--namespace="+namespace, pod.Name, "--", "/webhook", "--version"); !strings.Contains(got, "commit") {
			t.Errorf("exec: got %s, want the version", got)
		}
		if got := s.kubectl(t.Context(), "logs", "--namespace="+namespace, pod.Name); !strings.Contains(got, "Serving securely") {
			t.Errorf("logs: got %s, want the line of the start", got)
		}
	}
}

func (s *suite) testRollout(t *testing.T) {
	before := s.pods(t)
	stop := s.call(t, "rollout.nl", callLimit)
	start := time.Now()
	for _, args := range [][]string{
		{"rollout", "restart", "--namespace=" + namespace, "deployment/" + deployment},
		{"rollout", "status", "--namespace=" + namespace, "deployment/" + deployment, "--timeout=3m"},
	} {
		if got := s.kubectl(t.Context(), args...); strings.HasPrefix(got, "kubectl ") {
			t.Error(got)
		}
	}
	t.Logf("the rollout took %s", time.Since(start).Round(time.Second))
	// Keep calling until the old pods are gone.
	if err := cluster.Eventually(withLimit(t, 2*time.Minute), func(ctx context.Context) error {
		pods, err := s.WebhookPods(ctx)
		if err != nil {
			return err
		}
		for _, pod := range pods {
			for _, old := range before {
				if pod.UID == old.UID {
					return fmt.Errorf("%s still exists", pod.Name)
				}
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	requireNoneLost(t, stop())
}

// callLimit is longer than any of cert-manager's calls.
const callLimit = 30 * time.Second

func (s *suite) testRotation(t *testing.T) {
	const certificateName = deployment + "-tls"
	before := s.pods(t)
	old := map[string]*big.Int{}
	for _, pod := range before {
		served, err := serving(t.Context(), pod)
		if err != nil {
			t.Fatal(err)
		}
		old[pod.Name] = served.SerialNumber
	}
	stop := s.call(t, "rotation.nl", callLimit)
	start := time.Now()
	if err := s.Renew(withLimit(t, 30*time.Second), namespace, certificateName); err != nil {
		t.Fatal(err)
	}
	for _, pod := range before {
		if err := cluster.Eventually(withLimit(t, 4*time.Minute), func(ctx context.Context) error {
			served, err := serving(ctx, pod)
			if err == nil && served.SerialNumber.Cmp(old[pod.Name]) == 0 {
				return fmt.Errorf("%s still serves the old certificate", pod.Name)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s served the new certificate after %s", pod.Name, time.Since(start).Round(time.Second))
	}
	requireNoneLost(t, stop())
	after := map[string]corev1.Pod{}
	for _, pod := range s.pods(t) {
		after[pod.Name] = pod
	}
	for _, pod := range before {
		if now, found := after[pod.Name]; !found || now.Status.ContainerStatuses[0].RestartCount > 0 {
			t.Errorf("%s was replaced or restarted", pod.Name)
		}
	}
}

// serving returns the certificate that a pod serves.
func serving(ctx context.Context, pod corev1.Pod) (*x509.Certificate, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, "8443"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	secured := tls.Client(connection, &tls.Config{InsecureSkipVerify: true}) // Only the serial number matters.
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured.ConnectionState().PeerCertificates[0], nil
}

// testProbes reads the probe results of the current pods from the kubelets.
func (s *suite) testProbes(t *testing.T) {
	counted := regexp.MustCompile(`(?m)^prober_probe_total\{(.*)\} (\S+)$`)
	for _, pod := range s.pods(t) {
		if restarts := pod.Status.ContainerStatuses[0].RestartCount; restarts > 0 {
			t.Errorf("%s was restarted %d times", pod.Name, restarts)
		}
		metrics, err := s.admin.CoreV1().RESTClient().Get().
			AbsPath("/api/v1/nodes", pod.Spec.NodeName, "proxy/metrics/probes").DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answered := map[string]float64{}
		for _, match := range counted.FindAllStringSubmatch(string(metrics), -1) {
			labels := match[1]
			if !strings.Contains(labels, `pod="`+pod.Name+`"`) {
				continue
			}
			count, err := strconv.ParseFloat(match[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			kind := regexp.MustCompile(`probe_type="(\w+)"`).FindStringSubmatch(labels)[1]
			switch {
			case strings.Contains(labels, `result="successful"`):
				answered[kind] += count
			case kind == "Startup": // Startup probes fail until the process is up.
				t.Logf("%s: %v startup probes failed before the start", pod.Name, count)
			default:
				t.Errorf("%s: %v probes failed: %s", pod.Name, count, labels)
			}
		}
		t.Logf("%s on %s: successful probes %v", pod.Name, pod.Spec.NodeName, answered)
		for _, kind := range []string{"Startup", "Liveness", "Readiness"} {
			if answered[kind] == 0 {
				t.Errorf("%s: no successful %s probe", pod.Name, kind)
			}
		}
	}
}

// testLoss loses the node whose pod the API server is connected to, and measures how long calls fail.
func (s *suite) testLoss(t *testing.T) {
	const answers = "loss.nl"
	stop := s.call(t, answers, callLimit)
	node := s.nodeInUse(t)
	lost := time.Now()
	if err := s.LoseNode(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	t.Logf("lost %s, whose pod the API server was connected to", node)
	service := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1." + group}}
	var down, up, notReady time.Duration
	if err := s.Await(withLimit(t, 4*time.Minute), service, func() error {
		since := time.Since(lost)
		switch isUp := available(service); {
		case isUp && down > 0 && up == 0:
			up = since
		case !isUp && down == 0:
			down = since
		case !isUp:
			up = 0
		}
		if notReady == 0 && s.nodeLost(t, node) {
			notReady = since
		}
		// The node has been NotReady for a while, and the APIService is available again.
		if notReady > 0 && since > notReady+10*time.Second && available(service) {
			return nil
		}
		return errors.New("the node is not NotReady yet, or the APIService is unavailable")
	}); err != nil {
		t.Error(err)
	}
	calls := stop()
	var failed, last int
	var longest, silent time.Duration
	messages := map[string]int{}
	for i, one := range calls {
		longest = max(longest, one.duration)
		if one.err != nil {
			failed, last = failed+1, i
			silent = one.start.Add(one.duration).Sub(lost)
			messages[describe(one.err)]++
		}
	}
	t.Logf("%d calls, %d of them failed, the last one ended %s after the loss; the longest took %s", len(calls), failed,
		silent.Round(time.Second), longest.Round(time.Second))
	t.Logf("the APIService was unavailable from %s to %s, and the node NotReady after %s",
		down.Round(time.Second), up.Round(time.Second), notReady.Round(time.Second))
	for message, times := range messages {
		t.Logf("%d times: %s", times, message)
	}
	if last == len(calls)-1 && failed > 0 {
		t.Error("calls are still failing")
	}
	if silent > 2*time.Minute {
		t.Errorf("calls failed for %s", silent)
	}
	// cert-manager may run on the lost node. With this taint its pods move at once, without waiting for their eviction.
	if got := s.kubectl(t.Context(), "taint", "node", node, "node.kubernetes.io/out-of-service=lost:NoExecute"); strings.HasPrefix(got, "kubectl ") {
		t.Error(got)
	}
	s.requireCertificate(t, "after-the-loss.nl")
	t.Logf("certificate issued %s after the loss", time.Since(lost).Round(time.Second))
}

func available(service *apiregistrationv1.APIService) bool {
	for _, condition := range service.Status.Conditions {
		if condition.Type == apiregistrationv1.Available {
			return condition.Status == apiregistrationv1.ConditionTrue
		}
	}
	return false
}

func (s *suite) nodeLost(t *testing.T, name string) bool {
	t.Helper()
	node, err := s.admin.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status != corev1.ConditionTrue
		}
	}
	return false
}

// nodeInUse returns the node of the pod that served the latest calls.
func (s *suite) nodeInUse(t *testing.T) (name string) {
	t.Helper()
	if err := cluster.Eventually(withLimit(t, time.Minute), func(ctx context.Context) error {
		most := 0
		for _, pod := range s.pods(t) { //nolint:contextcheck // It uses the test's context.
			lines := strings.Count(s.kubectl(ctx, "logs", "--namespace="+namespace, pod.Name), "loss.nl")
			if lines > most {
				most, name = lines, pod.Spec.NodeName
			}
		}
		if most < 10 {
			return errors.New("too few calls so far")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return name
}
