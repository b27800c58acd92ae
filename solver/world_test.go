package solver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

const (
	apiKey   = "key-of-the-account"
	fqdn     = "_acme-challenge.example.nl."
	goodJSON = `{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"}}`
)

// world is a solver with a simulated mijn.host and a simulated cluster, both over HTTP.
type world struct {
	*testing.T
	*solver.Solver
	api     *mijnhosttest.Server
	cluster *cluster
}

// newWorld returns a world with an account that has example.nl, and its key in Secret cert-manager/mijn-host-api-key.
func newWorld(t *testing.T, change ...func(*solver.Options)) world {
	t.Helper()
	w := world{T: t, api: mijnhosttest.Start(t, mijnhosttest.Options{}), cluster: newCluster(t)}
	w.api.AddAccount(apiKey, "example.nl")
	w.cluster.setSecret("cert-manager", "mijn-host-api-key", map[string]string{"api-key": apiKey})
	w.Solver = w.newSolver(change...)
	return w
}

// newSolver returns the solver of another webhook process.
func (w world) newSolver(change ...func(*solver.Options)) *solver.Solver {
	w.Helper()
	o := solver.Options{Name: "mijn-host", Provider: mijnhost.NewProvider(mijnhost.Options{
		BaseURL: w.api.URL(), UserAgent: "test/1", PatchAdds: []string{"example.nl"},
	})}
	for _, c := range change {
		c(&o)
	}
	s := solver.New(o)
	if err := s.Initialize(&rest.Config{Host: w.cluster.URL}, nil); err != nil {
		w.Fatal(err)
	}
	return s
}

func (w world) values() []string {
	values := []string{}
	for _, r := range w.api.Records("example.nl") {
		if r.Type == "TXT" {
			values = append(values, r.Name+"="+r.Value)
		}
	}
	slices.Sort(values)
	return values
}

func (w world) wantValues(want ...string) {
	w.Helper()
	if got := w.values(); !slices.Equal(got, append([]string{}, want...)) {
		w.Errorf("TXT records: got %q, want %q", got, want)
	}
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("unexpected error: %v", err)
	}
}

// newChallenge returns a valid challenge.
func newChallenge(change ...func(*whapi.ChallengeRequest)) *whapi.ChallengeRequest {
	ch := &whapi.ChallengeRequest{
		Type:              "dns-01",
		DNSName:           "example.nl",
		Key:               "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
		ResourceNamespace: "cert-manager",
		ResolvedFQDN:      fqdn,
		ResolvedZone:      "example.nl.",
		Config:            &apiextensionsv1.JSON{Raw: []byte(goodJSON)},
	}
	for _, c := range change {
		c(ch)
	}
	return ch
}

func withConfig(raw string) func(*whapi.ChallengeRequest) {
	return func(ch *whapi.ChallengeRequest) { ch.Config = &apiextensionsv1.JSON{Raw: []byte(raw)} }
}

// cluster is a Kubernetes API that serves only Secrets and Challenges.
type cluster struct {
	*httptest.Server
	mu         sync.Mutex
	secrets    map[string]*corev1.Secret
	challenges []testChallenge
	fault      *apierrors.StatusError
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{secrets: map[string]*corev1.Secret{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	refuse := func(err *apierrors.StatusError) {
		w.WriteHeader(int(err.ErrStatus.Code))
		_ = json.NewEncoder(w).Encode(err.ErrStatus)
	}
	if r.Method == http.MethodGet && r.URL.Path == "/apis/acme.cert-manager.io/v1/challenges" {
		if c.fault != nil {
			refuse(c.fault)
			return
		}
		_ = json.NewEncoder(w).Encode(c.listChallenges(r))
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/"), "/")
	if r.Method != http.MethodGet || len(path) != 3 || path[1] != "secrets" {
		refuse(apierrors.NewMethodNotSupported(schema.GroupResource{}, r.Method))
		return
	}
	secret, ok := c.secrets[path[0]+"/"+path[2]]
	switch {
	case c.fault != nil:
		refuse(c.fault)
	case !ok:
		refuse(apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, path[2]))
	default:
		_ = json.NewEncoder(w).Encode(secret)
	}
}

func (c *cluster) setSecret(namespace, name string, data map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Data:       map[string][]byte{},
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	c.secrets[namespace+"/"+name] = secret
}

func (c *cluster) deleteSecret() {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.secrets, "cert-manager/mijn-host-api-key")
}

func (c *cluster) fail(err *apierrors.StatusError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = err
}
