package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// issuerCluster starts a Kubernetes API with a Certificate, the webhook's pod with this container, and an Issuer with this solver
// config. It returns its kubeconfig.
func issuerCluster(t *testing.T, config, container string) string {
	t.Helper()
	return clusterWith(t, container, "mijn-host", config, nil)
}

// clusterWith does the same for the solver of any DNS host. changes are the answers of the API that differ, by path.
func clusterWith(t *testing.T, container, solver, config string, changes map[string]string) string {
	t.Helper()
	const secret = `{"kind":"Secret","apiVersion":"v1","data":{"token":"a2V5LW9mLXRoZS1hY2NvdW50"}}`
	issuer := `{"spec":{"acme":{"solvers":[{"dns01":{"webhook":{"groupName":"acme.mijn.host","solverName":"` + solver + `",
			"config":` + config + `}}}]}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`
	answers := map[string]string{
		"/apis/cert-manager.io/v1/namespaces/team/certificates/web": `{"spec":{"dnsNames":["example.nl","*.example.nl"],"issuerRef":{"name":"le"}}}`,
		"/apis/cert-manager.io/v1/namespaces/team/issuers/le":       issuer,
		"/apis/cert-manager.io/v1/clusterissuers/le":                issuer,
		"/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.acme.mijn.host": `{"spec":{"service":{"namespace":"w","name":"hook"}},
			"status":{"conditions":[{"type":"Available","status":"True"}]}}`,
		"/apis/acme.mijn.host/v1alpha1":                        `{"resources":[{"name":"mijn-host"},{"name":"realtime-register"}]}`,
		"/api/v1/namespaces/w/services/hook":                   `{"spec":{"selector":{"app":"hook"}}}`,
		"/api/v1/namespaces/w/pods":                            `{"items":[{"spec":{"serviceAccountName":"hook","containers":[` + container + `]}}]}`,
		"/apis/authorization.k8s.io/v1/subjectaccessreviews":   `{"status":{"allowed":true}}`,
		"/apis/acme.cert-manager.io/v1/challenges":             `{"items":[{"metadata":{"namespace":"team","name":"c"},"spec":{"type":"DNS-01","key":"of-a-challenge"}}]}`,
		"/apis/acme.cert-manager.io/v1/namespaces/team/orders": `{"items":[]}`,
		"/apis/acme.cert-manager.io/v1/orders":                 `{"items":[]}`,
		"/api/v1/namespaces/team/secrets/s":                    secret,
		"/api/v1/namespaces/cert-manager/secrets/s":            secret,
		"/api/v1/namespaces/w/secrets/s":                       secret,
	}
	maps.Copy(answers, changes)
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
	return kubeconfigOf(t, server.URL)
}

// kubeconfigOf writes a kubeconfig for the Kubernetes API at an address, with the namespace team.
func kubeconfigOf(t *testing.T, address string) string {
	t.Helper()
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["c"] = &clientcmdapi.Cluster{Server: address}
	kubeconfig.Contexts["c"] = &clientcmdapi.Context{Cluster: "c", Namespace: "team"}
	kubeconfig.CurrentContext = "c"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Without a name, the report has one conclusion.
func TestCheck_NoNames(t *testing.T) {
	t.Parallel()
	got := runCheck(t.Context(), t, nil, "--certificate=team/web", "--kubeconfig="+kubeconfigOf(t, "http://127.0.0.1:1"))
	if got.code != 2 || !strings.Contains(got.out, "– Cannot read Certificate team/web") || !strings.Contains(got.out, "\nNo problem found, but 1 step was inconclusive.\nChecked by ") {
		t.Errorf("got exit code %d:\n%s%s", got.code, got.out, got.errOut)
	}
}

func TestCheck_Certificate(t *testing.T) {
	t.Parallel()
	const valid = `{"apiKeySecretRef":{"name":"s","key":"token"},"ttl":300}`
	allowing := func(domain string) string { return `{"env":[{"name":"ALLOWED_DOMAINS","value":"` + domain + `"}]}` }
	for name, c := range map[string]struct {
		config, container string
		args              []string
		code              int
		step              check.StepID
		want              string
	}{
		"no mistake":            {valid, allowing("example.nl"), nil, 0, check.StepKey, "accepts the API key from the Secret team/s"},
		"misspelt config field": {`{"apiKeySecretref":{}}`, allowing("example.nl"), nil, 1, check.StepConfig, `unknown field "apiKeySecretref"`},
		"domain not allowed":    {valid, allowing("other.nl"), nil, 1, check.StepAllowed, "may not write _acme-challenge.example.nl"},
		"domain allowed by the webhook's arguments": {
			valid, `{"args":["--allowed-domains=example.nl"],"env":[{"name":"ALLOWED_DOMAINS","value":"other.nl"}]}`, nil, 0, check.StepAllowed, "covers _acme-challenge.example.nl",
		},
		"domain allowed by a flag": {valid, allowing("other.nl"), []string{"--allowed-domains=example.nl"}, 0, check.StepAllowed, "covers _acme-challenge.example.nl"},
		"value of a Challenge":     {valid, allowing("example.nl"), nil, 0, check.StepValues, `"of-a-challenge". All belong to Challenges of this cluster.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCheckWorld(t)
			w.api.AddRecord("example.nl", mijnhosttest.Record{Type: "TXT", Name: "_acme-challenge.example.nl.", Value: "of-a-challenge", TTL: 60})
			port := netip.MustParseAddrPort(w.api.DNSAddr()).Port()
			container := strings.Replace(c.container, `"env":[`, `"env":[{"name":"MIJNHOST_BASE_URL","value":"`+w.api.URL()+`"},`, 1)
			got := runCheck(t.Context(), t, nil, append(c.args, "--certificate=team/web", "--kubeconfig="+issuerCluster(t, c.config, container), "--read-only", "--output=json",
				"--resolver="+w.api.DNSAddr(), "--nameserver-port="+strconv.Itoa(int(port)))...)
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

// The Secret is in the namespace of the Issuer, in cert-manager's for a ClusterIssuer, or in the webhook's for an ambient key.
func TestCheck_SecretOfIssuer(t *testing.T) {
	t.Parallel()
	api := realtimeregistertest.Start(t, realtimeregistertest.Options{})
	api.AddAccount("reseller", checkedKey)
	ambient := `{"env":[{"name":"REALTIMEREGISTER_API_KEY","valueFrom":{"secretKeyRef":{"name":"s","key":"token"}}},{"name":"REALTIMEREGISTER_BASE_URL","value":"` + api.URL() + `"}]}`
	const valid = `{"apiKeySecretRef":{"name":"s","key":"token"}}`
	for want, c := range map[string]struct{ issuer, container, solver, config string }{
		"mijn.host accepts the API key from the Secret team/s":         {"--issuer=le", "{}", "mijn-host", valid},
		"mijn.host accepts the API key from the Secret cert-manager/s": {"--cluster-issuer=le", "{}", "mijn-host", valid},
		"Realtime Register accepts the API key from the Secret w/s":    {"--cluster-issuer=le", ambient, "realtime-register", "{}"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w := newCheckWorld(t)
			got := w.run(t.Context(), nil, c.issuer, "--read-only", "--kubeconfig="+clusterWith(t, c.container, c.solver, c.config, nil))
			if !strings.Contains(got.out, want) || !strings.Contains(got.out, "\nexample.nl\n") {
				t.Errorf("output lacks %q:\n%s%s", want, got.out, got.errOut)
			}
		})
	}
}

// The API refuses each update, so that every probe ends at once. The last name is well, the one before it inconclusive.
func TestCheck_SolverOfEachName(t *testing.T) {
	t.Parallel()
	api := realtimeregistertest.Start(t, realtimeregistertest.Options{})
	api.AddAccount("reseller", checkedKey)
	api.SetReadOnly(checkedKey)
	for _, zone := range []string{"example.nl", "other.nl"} {
		api.AddZone("reseller", realtimeregistertest.Zone{Name: zone, Records: []string{
			realtimeregistertest.Record(zone, "A", "192.0.2.10", 3600), realtimeregistertest.Record("_acme-challenge.www."+zone, "CNAME", "target."+zone, 60),
		}})
	}
	solver := func(zone, strategy, ttl string) string {
		return `{"selector":{"dnsZones":["` + zone + `"]},"dns01":{"cnameStrategy":"` + strategy + `","webhook":{"groupName":"acme.mijn.host","solverName":"realtime-register",
			"config":{"apiKeySecretRef":{"name":"s","key":"token"}` + ttl + `}}}}`
	}
	kubeconfig := clusterWith(t, "{}", "", "{}", map[string]string{
		"/apis/cert-manager.io/v1/namespaces/team/certificates/web": `{"spec":{"dnsNames":["example.nl","other.nl","elsewhere.nl","www.example.nl"],"issuerRef":{"name":"le"}}}`,
		"/apis/cert-manager.io/v1/namespaces/team/issuers/le": `{"spec":{"acme":{"solvers":[{"http01":{}},` + solver("example.nl", "Follow", `,"ttl":300`) + `,` + solver("other.nl", "None", "") +
			`]}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
	})
	port := netip.MustParseAddrPort(api.DNSAddr()).Port()
	got := runCheck(t.Context(), t, nil, "--certificate=team/web", "--kubeconfig="+kubeconfig, "--write", "--lease-namespace=", "--realtimeregister-base-url="+api.URL(),
		"--resolver="+api.DNSAddr(), "--nameserver-port="+strconv.Itoa(int(port)))
	var ttls []string
	probeTTL := regexp.MustCompile(`_mijn-host-webhook-check-[^}]*"ttl":(\d+)`)
	for _, r := range api.Requests() {
		if found := probeTTL.FindStringSubmatch(string(r.Body)); found != nil {
			ttls = append(ttls, found[1])
		}
	}
	if want := []string{"300", "60"}; !slices.Equal(ttls, want) {
		t.Errorf("got probes with the TTLs %q, want %q", ttls, want)
	}
	for _, want := range []string{
		"solver 1 of Issuer team/le for elsewhere.nl, which is not a webhook solver",
		"_acme-challenge.www.example.nl is a CNAME to target.example.nl, and the solver follows it.",
		"the probe of example.nl above covers this name", fmt.Sprintf(" with %d calls to the API.", len(api.Requests())),
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("output lacks %q", want)
		}
	}
	if got.code != 1 || !strings.Contains(got.out, "All is well.\nChecked by ") || t.Failed() {
		t.Errorf("got exit code %d, want 1, and that the last name is well:\n%s%s", got.code, got.out, got.errOut)
	}
}

func TestCheck_CertificateTextHasEachFixOnce(t *testing.T) {
	t.Parallel()
	w := newCheckWorld(t)
	kubeconfig := issuerCluster(t, `{"apiKeySecretref":{}}`, `{}`)
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

func TestReadSolverConfig(t *testing.T) {
	t.Parallel()
	const ref = `"apiKeySecretRef":{"name":"s","key":"k"}`
	for name, c := range map[string]struct {
		solver, config string
		want           check.SolverConfig
		fault          string
	}{
		"mijn.host":             {"mijn-host", `{` + ref + `}`, check.SolverConfig{Secret: "s", Entry: "k", Flags: map[string]string{}}, ""},
		"mijn.host, all fields": {"mijn-host", `{` + ref + `,"ttl":30}`, check.SolverConfig{Secret: "s", Entry: "k", Flags: map[string]string{"ttl": "30"}}, ""},
		"mijn.host, service":    {"mijn-host", `{"service":"BASIC"}`, check.SolverConfig{}, `unknown field "service"`},
		"Realtime Register": { // --realtimeregister-service must not add a service
			"realtime-register", `{}`, check.SolverConfig{Flags: map[string]string{"realtimeregister-service": ""}}, "",
		},
		"Realtime Register, all fields": {
			"realtime-register", `{` + ref + `,"ttl":60,"service":"PREMIUM"}`,
			check.SolverConfig{Secret: "s", Entry: "k", Flags: map[string]string{"ttl": "60", "realtimeregister-service": "PREMIUM"}},
			"",
		},
		"Realtime Register, TTL too low": {"realtime-register", `{"ttl":30}`, check.SolverConfig{}, "ttl must be"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readSolverConfig(c.solver, []byte(c.config))
			if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v, want %+v, %q", got, err, c.want, c.fault)
			}
		})
	}
}
