package keysource_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
)

const theKey = "key-of-the-account"

func TestKey_Trimmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, held := range map[string]string{"newline": theKey + "\n", "spaces": "  \t" + theKey + " \r\n\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(held), 0o600); err != nil {
			t.Fatal(err)
		}
		secret := keysource.Secret{Namespace: "ns", Name: "secret", Entry: "key", Kubeconfig: cluster(t, held)}
		for _, source := range []keysource.Source{keysource.File{Path: path}, keysource.Environment{Variable: "V", Value: held}, secret} {
			if key, err := source.Key(t.Context()); key != theKey || err != nil {
				t.Errorf("%s in %s: got %q, %v, want %q", name, source.Origin(), key, err, theKey)
			}
		}
	}
}

func TestKey_Errors(t *testing.T) {
	t.Parallel()
	good := cluster(t, theKey)
	secret := keysource.Secret{Namespace: "ns", Name: "secret", Entry: "key", Kubeconfig: good, From: "the panel", Variable: "V"}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := func(change func(*keysource.Secret)) keysource.Secret {
		s := secret
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		source  keysource.Source
		fault   string
		passing bool
	}{
		{"empty variable", keysource.Environment{Variable: "V", Value: " \n", From: "the panel"}, "from the environment variable V is empty. Get a key from the panel", false},
		{"two lines", keysource.Environment{Variable: "V", Value: theKey + "\n" + theKey}, "characters", false},
		{"empty file", keysource.File{Path: empty, From: "the panel"}, "from the file " + empty + " is empty. Get a key from the panel", false},
		{"file not found", keysource.File{Path: filepath.Join(t.TempDir(), "none")}, "not found", false},
		{"directory", keysource.File{Path: t.TempDir()}, "Cannot read API key file", false},
		{"Secret not found", other(func(s *keysource.Secret) { s.Name = "none" }), "kubectl create secret generic none --namespace=ns --from-file=key=", false},
		{"Secret forbidden", other(func(s *keysource.Secret) { s.Namespace = "theirs" }), "may not read Secret theirs/secret", false},
		{"unauthorized", other(func(s *keysource.Secret) { s.Namespace = "unauthorized" }), "may not read Secret unauthorized/secret", false},
		{"empty Secret", other(func(s *keysource.Secret) { s.Kubeconfig = cluster(t, "\n") }), "from the Secret ns/secret is empty. Get a key from the panel", false},
		{"key not in the Secret", other(func(s *keysource.Secret) { s.Entry = "none" }), "has no key none", false},
		{"cluster unreachable", other(func(s *keysource.Secret) { s.Kubeconfig = kubeconfig(t, "http://127.0.0.1:1") }), "Cannot read Secret ns/secret", true},
		{"kubeconfig not found", other(func(s *keysource.Secret) { s.Kubeconfig = filepath.Join(t.TempDir(), "none") }), "with --api-key-file or V.", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.source.Key(t.Context())
			var e *keysource.Error
			if !errors.As(err, &e) || !strings.Contains(e.Fault+" "+e.Remedy, c.fault) || e.Remedy == "" || e.Passing != c.passing {
				t.Errorf("got %+v, want %q, passing %v, with a fix", e, c.fault, c.passing)
			}
			if e != nil && strings.Contains(e.Fault+e.Remedy, theKey) {
				t.Errorf("the error contains the key: %v", e)
			}
		})
	}
}

func TestSecret_ContextDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := keysource.Secret{Namespace: "ns", Name: "secret", Entry: "key", Kubeconfig: cluster(t, theKey)}.Key(ctx)
	if e := (*keysource.Error)(nil); !errors.As(err, &e) || !e.Passing {
		t.Errorf("got error %v, want a passing one", err)
	}
}

// cluster starts a Kubernetes API with the Secret ns/secret, where the namespace theirs is forbidden. It returns its kubeconfig.
func cluster(t *testing.T, held string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		secrets := schema.GroupResource{Resource: "secrets"}
		var answer any
		switch {
		case r.URL.Path == "/api/v1/namespaces/ns/secrets/secret":
			answer = corev1.Secret{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
				Data:     map[string][]byte{"key": []byte(held)},
			}
		case strings.Contains(r.URL.Path, "/unauthorized/"):
			w.WriteHeader(http.StatusUnauthorized)
			answer = apierrors.NewUnauthorized("no").ErrStatus
		case strings.Contains(r.URL.Path, "/theirs/"):
			w.WriteHeader(http.StatusForbidden)
			answer = apierrors.NewForbidden(secrets, "secret", nil).ErrStatus
		default:
			w.WriteHeader(http.StatusNotFound)
			answer = apierrors.NewNotFound(secrets, "none").ErrStatus
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return kubeconfig(t, server.URL)
}

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	return kubeconfigIn(t, server, "")
}

func kubeconfigIn(t *testing.T, server, namespace string) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c", Namespace: namespace}
	config.CurrentContext = "c"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ kubeconfig, want string }{
		"context with namespace":    {kubeconfigIn(t, "https://cluster.test", "team"), "team"},
		"context without namespace": {kubeconfig(t, "https://cluster.test"), "default"},
		"kubeconfig not found":      {filepath.Join(t.TempDir(), "none"), "default"},
	} {
		if got := keysource.Namespace(c.kubeconfig); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestFile_NotReadable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(theKey), 0o200); err != nil {
		t.Fatal(err)
	}
	_, err := keysource.File{Path: path}.Key(t.Context())
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v, want permission denied", err)
	}
}
