package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// Scrape jobs.
const (
	withTheChartsToken = "with-the-charts-token"
	withAnotherToken   = "with-another-token"
)

// TestPrometheusScrapesWithChartRBAC configures a real Prometheus from the chart's ServiceMonitor, which then has the metrics of
// an issuance. No other account of the cluster may read them.
func TestPrometheusScrapesWithChartRBAC(t *testing.T) {
	t.Parallel()
	const (
		apiKey    = "key-of-the-metrics-test"
		namespace = "measured"
		account   = "my-mijn-host-webhook-metrics"
	)
	program := prometheusProgram(t)
	s := &chartSuite{suite: newSuite(t)}
	s.installForeignCRDs(t)
	release := s.Webhook(s.api.URL(), "metrics.serviceMonitor.enabled=true", `metrics.serviceMonitor.interval="1s"`)
	release.Namespace, release.Name = namespace, "my"
	if err := s.InstallWebhook(withLimit(t, startLimit), release); err != nil {
		t.Fatal(err)
	}
	target := s.monitored(t, namespace, "my-mijn-host-webhook")
	another := s.token(t, namespace, "my-mijn-host-webhook").BearerToken
	p := s.startPrometheus(t, program, target.job(withTheChartsToken, target.token), target.job(withAnotherToken, another))
	s.await(t, soon, func(ctx context.Context) error {
		return errors.Join(
			p.wantResult(ctx, fmt.Sprintf("up{job=%q} == 1", withTheChartsToken)),
			p.wantResult(ctx, fmt.Sprintf("up{job=%q} == 0", withAnotherToken)),
			p.wantFault(ctx, withTheChartsToken, ""),
			p.wantFault(ctx, withAnotherToken, "403 Forbidden"),
		)
	})

	s.create(t, cluster.NewKeySecret("cert-manager", apiKey))
	before := s.addDomain(apiKey, "measured.nl")
	issuer := s.clusterIssuer(t, "pebble", cluster.WithoutSelfCheck)
	s.requireCertificate(t, soon, cluster.NewCertificate("default", "measured", issuer, "measured.nl", "*.measured.nl"))
	s.requireUntouched(t, "measured.nl", before)
	s.await(t, soon, func(ctx context.Context) error {
		return errors.Join(
			p.wantResult(ctx, "mijn_host_webhook_build_info == 1"),
			p.wantResult(ctx, `mijn_host_webhook_challenges_total{action="present", result="success"} >= 2`),
			p.wantResult(ctx, `mijn_host_webhook_challenges_total{action="cleanup", result="success"} >= 2`),
			p.wantResult(ctx, `mijn_host_webhook_api_calls_total{operation="patch_record", status="200"} >= 2`),
		)
	})
	if err := p.wantResult(t.Context(), fmt.Sprintf(`{__name__=~"mijn_host_webhook_.+", job!=%q}`, withTheChartsToken)); err == nil {
		t.Error("metrics were also served with another token")
	}

	accounts := &corev1.ServiceAccountList{}
	if err := s.Client.List(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	if len(accounts.Items) < 20 {
		t.Errorf("got %d accounts, want at least 20 for a conclusion", len(accounts.Items))
	}
	for _, one := range accounts.Items {
		want := http.StatusForbidden
		if one.Namespace == namespace && one.Name == account {
			want = http.StatusOK
		}
		if got := target.status(t, s.token(t, one.Namespace, one.Name).BearerToken); got != want {
			t.Errorf("%s/%s: got %d, want %d", one.Namespace, one.Name, got, want)
		}
	}
	if got := target.status(t, ""); got != http.StatusForbidden {
		t.Errorf("anonymous: got %d, want %d", got, http.StatusForbidden)
	}
}

// endpoint is a ServiceMonitor endpoint with the fields that the chart sets.
type endpoint struct {
	Port, Path, Scheme, Interval string
	Authorization                struct {
		Type        string
		Credentials corev1.SecretKeySelector
	}
	TLSConfig struct {
		ServerName string
		CA         struct{ Secret corev1.SecretKeySelector }
	}
}

// scraped is an endpoint with its references resolved.
type scraped struct {
	endpoint
	address, token, ca string
}

// monitored resolves a ServiceMonitor with one endpoint and one pod, as the Prometheus Operator does.
func (s *chartSuite) monitored(t *testing.T, namespace, name string) scraped {
	t.Helper()
	monitor := &unstructured.Unstructured{}
	monitor.SetAPIVersion("monitoring.coreos.com/v1")
	monitor.SetKind("ServiceMonitor")
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, monitor); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(monitor.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Selector  metav1.LabelSelector
		Endpoints []endpoint
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // the test would ignore them
	if err := decoder.Decode(&spec); err != nil || len(spec.Endpoints) != 1 {
		t.Fatalf("the ServiceMonitor has %d endpoints: %v", len(spec.Endpoints), err)
	}
	found := scraped{endpoint: spec.Endpoints[0]}
	found.address = s.serviceAddress(t, namespace, spec.Selector, found.Port)
	found.token = s.secretEntry(t, namespace, found.Authorization.Credentials)
	found.ca = s.secretEntry(t, namespace, found.TLSConfig.CA.Secret)
	return found
}

// serviceAddress returns the local address of a port of the only selected Service, at its only pod.
func (s *chartSuite) serviceAddress(t *testing.T, namespace string, selected metav1.LabelSelector, port string) string {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(&selected)
	if err != nil {
		t.Fatal(err)
	}
	services := &corev1.ServiceList{}
	if err := s.Client.List(t.Context(), services, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		t.Fatal(err)
	}
	if len(services.Items) != 1 {
		t.Fatalf("got %d Services that match %s, want 1", len(services.Items), selector)
	}
	slices := &discoveryv1.EndpointSliceList{}
	if err := s.Client.List(t.Context(), slices, client.InNamespace(namespace),
		client.MatchingLabels{discoveryv1.LabelServiceName: services.Items[0].Name}); err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, slice := range slices.Items {
		for _, named := range slice.Ports {
			if *named.Name != port {
				continue
			}
			for _, pod := range slice.Endpoints {
				addresses = append(addresses, net.JoinHostPort(network.Loopback(pod.Addresses[0]), strconv.Itoa(int(*named.Port))))
			}
		}
	}
	if len(addresses) != 1 {
		t.Fatalf("port %q: got addresses %q, want one", port, addresses)
	}
	return addresses[0]
}

// secretEntry waits for a key in a Secret, because the controller fills a ServiceAccount's Secret after its creation.
func (s *chartSuite) secretEntry(t *testing.T, namespace string, of corev1.SecretKeySelector) string {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: of.Name}}
	if err := s.Await(withLimit(t, 30*time.Second), secret, func() error {
		if len(secret.Data[of.Key]) == 0 {
			return fmt.Errorf("key %[2]q not found in Secret %[1]s", of.Name, of.Key)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return string(secret.Data[of.Key])
}

// job returns the scrape config that the Operator generates.
func (e scraped) job(name, token string) map[string]any {
	return map[string]any{
		"job_name":        name,
		"scheme":          e.Scheme,
		"metrics_path":    e.Path,
		"scrape_interval": e.Interval,
		"scrape_timeout":  e.Interval,
		"authorization":   map[string]string{"type": e.Authorization.Type, "credentials": token},
		"tls_config":      map[string]string{"ca": e.ca, "server_name": e.TLSConfig.ServerName},
		"static_configs":  []any{map[string]any{"targets": []string{e.address}}},
	}
}

// status returns the HTTP status of a scrape with a token.
func (e scraped) status(t *testing.T, token string) int {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(e.ca))
	scraper := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: e.TLSConfig.ServerName},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Scheme+"://"+e.address+e.Path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", e.Authorization.Type+" "+token)
	}
	resp, err := scraper.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// prometheus is a running Prometheus.
type prometheus struct{ address string }

// prometheusProgram returns the path of Prometheus, which `make` builds separately.
func prometheusProgram(t *testing.T) string {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", ".cache", "bin", "prometheus"))
	if err == nil {
		_, err = os.Stat(program)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Prometheus not found: run `make .cache/bin/prometheus`")
	}
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// startPrometheus runs Prometheus until the test ends, on the control plane's address and a free port.
func (s *chartSuite) startPrometheus(t *testing.T, program string, jobs ...map[string]any) *prometheus {
	t.Helper()
	config, err := json.Marshal(map[string]any{"scrape_configs": jobs}) // JSON is valid YAML
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.Dir, "prometheus.yaml")
	if err = os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	controlPlane, err := url.Parse(s.config(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{net.JoinHostPort(controlPlane.Hostname(), "9090")}
	running, err := process.Start(process.Spec{
		Path: program,
		Args: []string{
			"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(s.Dir, "prometheus"), "--web.listen-address=" + p.address,
		},
		Dir:     s.Dir,
		LogFile: filepath.Join(s.Dir, "prometheus.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { running.Stop(10 * time.Second) })
	if err := running.WaitUntil(withLimit(t, soon), func(ctx context.Context) error {
		return p.wantResult(ctx, "vector(1)")
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// wantResult returns an error unless the expression has a result now.
func (p *prometheus) wantResult(ctx context.Context, expr string) error {
	var data struct{ Result []json.RawMessage }
	if err := p.get(ctx, "/api/v1/query", url.Values{"query": {expr}}, &data); err != nil {
		return err
	}
	if len(data.Result) == 0 {
		return errors.New("no result for " + expr)
	}
	return nil
}

// wantFault returns an error unless the latest scrape of a job failed with this fault, or succeeded if fault is empty.
func (p *prometheus) wantFault(ctx context.Context, job, fault string) error {
	var data struct {
		ActiveTargets []struct{ ScrapePool, Health, LastError string }
	}
	if err := p.get(ctx, "/api/v1/targets", nil, &data); err != nil {
		return err
	}
	for _, target := range data.ActiveTargets {
		if target.ScrapePool != job {
			continue
		}
		if target.LastError == fault || fault != "" && strings.Contains(target.LastError, fault) {
			return nil
		}
		return fmt.Errorf("%s is %s: %q, want %q", job, target.Health, target.LastError, fault)
	}
	return errors.New("no target for " + job)
}

// get decodes the response of Prometheus's API at a path.
func (p *prometheus) get(ctx context.Context, path string, values url.Values, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path+"?"+values.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Data  json.RawMessage
		Error string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}
