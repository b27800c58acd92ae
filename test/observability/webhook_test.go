package observability

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const apiKey = "key-of-the-account"

// webhook is the program, with a cluster that has the key of an account with example.nl in a Secret.
type webhook struct {
	*testing.T
	address string
	ca      string
	api     *mijnhosttest.Server
	cluster *clustertest.Cluster
	client  *http.Client
	log     *output
}

func startWebhook(t *testing.T, flags ...string) *webhook {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "webhook")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w := &webhook{
		T: t, address: freeAddress(t), ca: filepath.Join(dir, "apiserver.crt"),
		api: mijnhosttest.Start(t, mijnhosttest.Options{}), cluster: clustertest.Start(t),
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}},
	}
	w.api.AddAccount(apiKey, "example.nl")
	w.cluster.SetSecret("cert-manager", "mijn-host-api-key", "api-key", apiKey)
	t.Setenv("GROUP_NAME", clustertest.Group)
	host, port, err := net.SplitHostPort(w.address)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := w.cluster.Kubeconfig(t)
	w.log = start(t, program, append(flags, "--bind-address="+host, "--secure-port="+port, "--cert-dir="+dir, "--mijnhost-base-url="+w.api.URL(),
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig, "--authentication-skip-lookup")...)
	until(t, "the webhook is ready", func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.address+"/readyz", http.NoBody)
		if err != nil {
			return err
		}
		resp, err := w.client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
	return w
}

// ask sends a challenge as cert-manager.
func (w *webhook) ask(action whapi.ChallengeAction) clustertest.Answer {
	w.Helper()
	answer, err := clustertest.Ask(w.Context(), w.client, "https://"+w.address, clustertest.CertManager, clustertest.NewChallenge(action))
	if err != nil {
		w.Fatal(err)
	}
	return answer
}

// runChallenges sends challenges that succeed, that fail because mijn.host rejects the key, and that are given up because the
// Secret is deleted.
func (w *webhook) runChallenges() {
	w.Helper()
	secret := func(key string) { w.cluster.SetSecret("cert-manager", "mijn-host-api-key", "api-key", key) }
	for _, step := range []struct {
		action whapi.ChallengeAction
		before func()
		want   bool
	}{
		{whapi.ChallengeActionPresent, func() {}, true},
		{whapi.ChallengeActionCleanUp, func() {}, true},
		{whapi.ChallengeActionPresent, func() { secret("another") }, false},
		{whapi.ChallengeActionCleanUp, func() { w.cluster.DeleteSecret("cert-manager", "mijn-host-api-key") }, true},
	} {
		step.before()
		if a := w.ask(step.action); a.Success != step.want {
			w.Errorf("%s: got %+v, want success %v", step.action, a, step.want)
		}
	}
}
