// Package clustertest is the part of a Kubernetes API that the webhook's server needs, over HTTP: token reviews, access reviews
// and Secrets.
package clustertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// Users of the cluster. Each uses its name as its token.
const (
	CertManager = "cert-manager" // may create challenges
	Prometheus  = "prometheus"   // may read metrics
	Stranger    = "stranger"     // may do nothing
)

// Cluster is a Kubernetes API. It is safe for concurrent use.
type Cluster struct {
	server *httptest.Server

	mu      sync.Mutex
	secrets map[string]map[string][]byte
	down    bool
}

// Start starts a cluster that stops when the test ends.
func Start(t *testing.T) *Cluster {
	t.Helper()
	c := &Cluster{secrets: map[string]map[string][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { send(w, map[string]string{"major": "1"}) })
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", reviewToken)
	mux.HandleFunc("POST /apis/authorization.k8s.io/v1/subjectaccessreviews", reviewAccess)
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/secrets/{name}", c.getSecret)
	c.server = httptest.NewServer(c.unlessDown(mux))
	t.Cleanup(c.server.Close)
	return c
}

// Kubeconfig writes a kubeconfig for the cluster and returns its path.
func (c *Cluster) Kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": [{"name": "test", "cluster": {"server": %q}}],
		"contexts": [{"name": "test", "context": {"cluster": "test", "user": "webhook"}}],
		"users": [{"name": "webhook", "user": {"token": "webhook"}}]}`, c.server.URL)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// SetSecret creates or replaces a Secret with one entry.
func (c *Cluster) SetSecret(namespace, name, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets[namespace+"/"+name] = map[string][]byte{key: []byte(value)}
}

// DeleteSecret deletes a Secret.
func (c *Cluster) DeleteSecret(namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.secrets, namespace+"/"+name)
}

// SetDown stops or restarts the API's answers.
func (c *Cluster) SetDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *Cluster) unlessDown(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		down := c.down
		c.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Cluster) getSecret(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	data, ok := c.secrets[namespace+"/"+name]
	if !ok {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		send(w, metav1.Status{TypeMeta: typeMeta("v1", "Status"), Status: metav1.StatusFailure, Reason: metav1.StatusReasonNotFound, Code: http.StatusNotFound})
		return
	}
	send(w, corev1.Secret{TypeMeta: typeMeta("v1", "Secret"), ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data})
}

func reviewToken(w http.ResponseWriter, r *http.Request) {
	var review authenticationv1.TokenReview
	if !receive(w, r, &review) {
		return
	}
	switch user := review.Spec.Token; user {
	case CertManager, Prometheus, Stranger:
		review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: user}}
	}
	send(w, review)
}

func reviewAccess(w http.ResponseWriter, r *http.Request) {
	var review authorizationv1.SubjectAccessReview
	if !receive(w, r, &review) {
		return
	}
	wanted, path := review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes
	switch review.Spec.User {
	case CertManager:
		review.Status.Allowed = wanted != nil && wanted.Verb == "create" && strings.HasPrefix(wanted.Group, "acme.")
	case Prometheus:
		review.Status.Allowed = path != nil && path.Verb == "get" && path.Path == "/metrics"
	}
	send(w, review)
}

func receive(w http.ResponseWriter, r *http.Request, into runtime.Object) bool {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, into)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func send(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object)
}

func typeMeta(version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: kind}
}
