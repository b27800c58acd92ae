package solver_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

func TestAllowedDomains(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allowed []string
		fqdn    string
		want    bool
	}{
		{nil, fqdn, true},
		{[]string{"example.nl"}, fqdn, true},
		{[]string{"example.org", "EXAMPLE.nl."}, fqdn, true},
		{[]string{"www.example.nl"}, fqdn, false},
		{[]string{"www.example.nl"}, "_acme-challenge.www.example.nl.", true},
		{[]string{"ample.nl"}, fqdn, false},
		{[]string{"example.org"}, fqdn, false},
	} {
		t.Run(fmt.Sprint(c.allowed, c.fqdn), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *solver.Options) { o.AllowedDomains = c.allowed })
			ch := newChallenge(func(ch *whapi.ChallengeRequest) { ch.ResolvedFQDN = c.fqdn })
			err := w.Present(ch)
			want := fmt.Sprintf("%s is not in the webhook's --allowed-domains", c.fqdn)
			if c.want != (err == nil) || err != nil && err.Error() != want {
				t.Errorf("got error %v, want allowed %v", err, c.want)
			}
			w.must(w.CleanUp(ch)) // never presented, so nothing to clean up
			if !c.want && w.api.Calls() > 0 {
				t.Errorf("got %d calls to mijn.host, want 0", w.api.Calls())
			}
		})
	}
}

func TestValidateDomains(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "*.example.nl", "https://example.nl", "example..nl", "exa mple.nl"} {
		if solver.ValidateDomains([]string{"example.nl", bad}) == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestValidateAPIKey(t *testing.T) {
	t.Parallel()
	for key, valid := range map[string]bool{"key": true, "": false, " key": false, "key\n": false, "two words": false} {
		if err := solver.ValidateAPIKey(key); (err == nil) != valid {
			t.Errorf("%q: got %v, want valid %v", key, err, valid)
		}
	}
}

// TestIssuerCannotRedirectWebhook tries other API addresses and Secrets in other namespaces.
func TestIssuerCannotRedirectWebhook(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		`"baseURL":"http://169.254.169.254/"`, `"url":"http://localhost/"`, `"server":"x"`, `"proxy":"x"`, `"apiKey":"x"`, `"namespace":"kube-system"`,
	} {
		w := newWorld(t)
		err := w.Present(newChallenge(withConfig(`{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"},` + field + `}`)))
		if err == nil || !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("%s: got error %v, want unknown field", field, err)
		}
		if w.api.Calls() != 0 {
			t.Errorf("%s: got %d calls to mijn.host, want 0", field, w.api.Calls())
		}
	}
	w := newWorld(t)
	w.cluster.setSecret("kube-system", "other", map[string]string{"api-key": apiKey})
	for _, name := range []string{"kube-system/other", "../kube-system/other", "..%2fkube-system%2fsecrets%2fother", "other"} {
		config := fmt.Sprintf(`{"apiKeySecretRef":{"name":%q,"key":"api-key"}}`, name)
		if err := w.Present(newChallenge(withConfig(config))); err == nil {
			t.Errorf("Secret %s: got no error", name)
		}
	}
}

// TestTheKeyIsNotLogged runs at the highest verbosity, where the Kubernetes client logs HTTP bodies.
func TestTheKeyIsNotLogged(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	for name, value := range map[string]string{"v": "10", "logtostderr": "false", "alsologtostderr": "false", "stderrthreshold": "FATAL"} {
		if err := flags.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	var log lockedBuffer
	klog.SetOutput(&log)
	t.Cleanup(func() { klog.SetOutput(&lockedBuffer{}); _ = flags.Set("v", "0") })

	// An ordinary read of a Secret proves that bodies are logged.
	canary := newWorld(t)
	canary.cluster.setSecret("default", "canary", map[string]string{"api-key": "canary"})
	client, err := corev1client.NewForConfig(&rest.Config{Host: canary.cluster.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Secrets("default").Get(t.Context(), "canary", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}

	faults := []mijnhosttest.Kind{
		mijnhosttest.StatusMessage(401, "The key "+apiKey+" is not valid"),
		mijnhosttest.StatusMessage(500, apiKey),
		mijnhosttest.HTMLPage(502),
		mijnhosttest.DropBefore(),
		mijnhosttest.ErrorInside200(403, apiKey),
	}
	for _, fault := range faults {
		w := newWorld(t)
		w.must(w.Present(newChallenge()))
		w.api.Inject(mijnhosttest.Fault{Kind: fault, Times: 2})
		for _, err := range []error{w.Present(newChallenge(func(ch *whapi.ChallengeRequest) { ch.Key = "another" })), w.CleanUp(newChallenge())} {
			if err != nil && strings.Contains(err.Error(), apiKey) {
				t.Errorf("the key is in an error: %v", err)
			}
		}
	}
	klog.Flush()
	text := log.String()
	if !strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("canary"))) {
		t.Error("the Kubernetes client did not log the canary")
	}
	for _, secret := range []string{apiKey, base64.StdEncoding.EncodeToString([]byte(apiKey))} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("the key is in the log: …%s…", text[max(0, i-300):i])
		}
	}
}

// lockedBuffer is a buffer for concurrent writers.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
