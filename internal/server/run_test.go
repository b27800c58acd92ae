package server_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

func TestServer_Challenges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantSuccess(w.ask(clustertest.CertManager, whapi.ChallengeActionPresent))
	w.wantValues(1)
	w.wantSuccess(w.ask(clustertest.CertManager, whapi.ChallengeActionCleanUp))
	w.wantValues(0)
	if a := w.ask(clustertest.Stranger, whapi.ChallengeActionPresent); a.Status != http.StatusForbidden {
		t.Errorf("caller without permission: got %+v, want 403", a)
	}
	if a := w.ask(clustertest.CertManager, "Dance"); a.Success {
		t.Errorf("unknown action: got %+v, want failure", a)
	}
	w.cluster.SetSecret("cert-manager", "mijn-host-api-key", "another-key", apiKey)
	a := w.ask(clustertest.CertManager, whapi.ChallengeActionPresent)
	if want := "key api-key in Secret cert-manager/mijn-host-api-key is not found"; a.Success || a.Message != want {
		t.Errorf("got %+v, want the message %q", a, want)
	}
	w.wantEnd()
}

// TestServer_CallerDisconnects: a call in progress still finishes.
func TestServer_CallerDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Slow(500 * time.Millisecond), Method: http.MethodGet})
	ctx, disconnect := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := clustertest.Ask(ctx, w.client, w.url, clustertest.CertManager, clustertest.NewChallenge(whapi.ChallengeActionPresent))
		gone <- err
	}()
	w.until("the zone is being read", func() bool { return w.api.Calls() > 0 })
	disconnect()
	if err := <-gone; err == nil {
		t.Fatal("the call ended before the caller disconnected")
	}
	w.until("the record is written", func() bool { return len(w.api.Records("example.nl")) > 0 })
	w.wantEnd()
}

// New calls are answered too, and their connections closed so that clients reconnect to another pod.
func TestServer_CallsInFlightAtShutdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Slow(time.Second), Method: http.MethodPatch})
	answered := make(chan clustertest.Answer, 1)
	go func() {
		a, _ := clustertest.Ask(t.Context(), w.client, w.url, clustertest.CertManager, clustertest.NewChallenge(whapi.ChallengeActionPresent))
		answered <- a
	}()
	w.until("the record is being written", func() bool { return w.api.Calls() > 1 })
	w.stop()
	w.until("the call in flight is answered", func() bool {
		if status, _, isLast := w.getOnce("/livez"); status != http.StatusOK || !isLast {
			t.Errorf("after SIGTERM: got status %d, connection closed %v, want 200 and closed", status, isLast)
		}
		return len(answered) > 0
	})
	w.wantEnd()
	w.wantSuccess(<-answered)
}

// TestReadiness_KubernetesAPIOnly: /readyz depends only on the Kubernetes API, /livez on nothing.
func TestReadiness_KubernetesAPIOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--requestheader-client-ca-file="+frontProxyCA(t))
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.Status(http.StatusInternalServerError)})
	w.cluster.SetDown(true)
	w.until("all other checks pass", func() bool {
		return w.get("/readyz?exclude=kubernetes-api") == http.StatusOK
	})
	if status := w.get("/readyz"); status != http.StatusInternalServerError {
		t.Errorf("/readyz without the Kubernetes API: got %d, want 500", status)
	}
	if status := w.get("/livez"); status != http.StatusOK {
		t.Errorf("/livez: got %d, want 200", status)
	}
	w.cluster.SetDown(false)
	w.until("the webhook is ready", func() bool { return w.get("/readyz") == http.StatusOK })
	if _, checks, _ := w.getOnce("/readyz?verbose"); !strings.Contains(checks, "[+]front-proxy-ca ok") {
		t.Errorf("ready without the front-proxy CA:\n%s", checks)
	}
	if w.api.Calls() > 0 {
		t.Errorf("got %d calls to mijn.host, want 0", w.api.Calls())
	}
	w.wantEnd()
}

// frontProxyCA writes a CA certificate and returns its path.
func frontProxyCA(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
