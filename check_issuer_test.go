package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// issuerCluster starts a Kubernetes API with a Certificate, the webhook's pod, and an Issuer with this solver config. It returns its kubeconfig.
func issuerCluster(t *testing.T, config, allowed string) string {
	t.Helper()
	answers := map[string]string{
		"/apis/cert-manager.io/v1/namespaces/team/certificates/web": `{"spec":{"dnsNames":["example.nl","*.example.nl"],"issuerRef":{"name":"le"}}}`,
		"/apis/cert-manager.io/v1/namespaces/team/issuers/le": `{"spec":{"acme":{"solvers":[{"dns01":{"webhook":{"groupName":"acme.mijn.host","solverName":"mijn-host",
			"config":` + config + `}}}]}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
		"/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.acme.mijn.host": `{"spec":{"service":{"namespace":"w","name":"hook"}},
			"status":{"conditions":[{"type":"Available","status":"True"}]}}`,
		"/apis/acme.mijn.host/v1alpha1":                        `{"resources":[{"name":"mijn-host"},{"name":"realtime-register"}]}`,
		"/api/v1/namespaces/w/services/hook":                   `{"spec":{"selector":{"app":"hook"}}}`,
		"/api/v1/namespaces/w/pods":                            `{"items":[{"spec":{"serviceAccountName":"hook","containers":[{"env":[{"name":"ALLOWED_DOMAINS","value":"` + allowed + `"}]}]}}]}`,
		"/apis/authorization.k8s.io/v1/subjectaccessreviews":   `{"status":{"allowed":true}}`,
		"/apis/acme.cert-manager.io/v1/challenges":             `{"items":[]}`,
		"/apis/acme.cert-manager.io/v1/namespaces/team/orders": `{"items":[]}`,
		"/api/v1/namespaces/team/secrets/s":                    `{"kind":"Secret","apiVersion":"v1","data":{"api-key":"a2V5LW9mLXRoZS1hY2NvdW50"}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, ok := answers[r.URL.Path]
		if !ok {
			t.Errorf("unexpected request for %s", r.URL.Path)
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL}
	kubeconfig.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	kubeconfig.CurrentContext = "c"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck_Certificate(t *testing.T) {
	t.Parallel()
	const valid = `{"apiKeySecretRef":{"name":"s","key":"api-key"},"ttl":300}`
	for name, c := range map[string]struct {
		config, allowed string
		code            int
		step            check.StepID
		want            string
	}{
		"no mistake":            {valid, "example.nl", 0, check.StepKey, "accepts the API key from the Secret team/s"},
		"misspelt config field": {`{"apiKeySecretref":{}}`, "example.nl", 1, check.StepConfig, `unknown field "apiKeySecretref"`},
		"domain not allowed":    {valid, "other.nl", 1, check.StepAllowed, "may not write _acme-challenge.example.nl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCheckWorld(t)
			port := netip.MustParseAddrPort(w.api.DNSAddr()).Port()
			got := runCheck(t.Context(), t, nil, "--certificate=team/web", "--kubeconfig="+issuerCluster(t, c.config, c.allowed), "--read-only", "--output=json",
				"--mijnhost-base-url="+w.api.URL(), "--resolver="+w.api.DNSAddr(), "--nameserver-port="+strconv.Itoa(int(port)))
			var r check.Report
			if err := json.NewDecoder(bytes.NewBufferString(got.out)).Decode(&r); err != nil {
				t.Fatalf("%v in output %s%s", err, got.out, got.errOut)
			}
			if got.code != c.code || len(r.Names) != 2 {
				t.Fatalf("got exit code %d and %d names, want %d and 2:\n%s", got.code, len(r.Names), c.code, got.out)
			}
			for _, one := range r.Names {
				found := false
				for _, s := range one.Steps {
					found = found || s.ID == c.step && strings.Contains(s.Summary, c.want)
				}
				if !found {
					t.Errorf("step %s of %s lacks %q:\n%s", c.step, one.Name, c.want, got.out)
				}
			}
		})
	}
}

func TestCheck_CertificateTextHasEachFixOnce(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	kubeconfig := issuerCluster(t, `{"apiKeySecretref":{}}`, "")
	got := runCheck(t.Context(), t, nil, "--certificate=team/web", "--kubeconfig="+kubeconfig, "--resolver="+w.api.DNSAddr())
	const fix = "  Fix: Correct dns01.webhook.config of solver 1 of Issuer team/le.\n"
	for words, want := range map[string]int{
		"\nexample.nl\n": 1, "\n*.example.nl\n": 1, `unknown field "apiKeySecretref"`: 2, fix: 1, "  Fix: see above.\n": 1,
		"1 problem found.\n": 2, "Checked by ": 1,
	} {
		if n := strings.Count(got.out, words); n != want {
			t.Errorf("%q is there %d times, want %d, in\n%s", words, n, want, got.out)
		}
	}
}
