package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTroubleshooting_QuotesOthers compares the page's quotes of Kubernetes and cert-manager with their source code, in the
// versions that the end-to-end tests run. The packages of the solver and the DNS hosts test the webhook's own messages. No test
// checks the CA's messages, because its source code is not a dependency.
func TestTroubleshooting_QuotesOthers(t *testing.T) {
	t.Parallel()
	const (
		machinery, client = "k8s.io/apimachinery/pkg/api/errors/errors.go", "k8s.io/client-go/discovery/"
		certManager       = "github.com/cert-manager/cert-manager/pkg/"
		wait              = certManager + "issuer/acme/dns/util/wait.go"
		resource, group   = "mijn-host.acme.mijn.host", "acme.mijn.host/v1alpha1"
		fqdn, nameservers = "_acme-challenge.example.nl.", "[10.96.0.10:53]"
	)
	quote := func(file, format string, args ...any) string {
		t.Helper()
		if !strings.Contains(sourceOf(t, file), format) {
			t.Errorf("%s does not contain %q", file, format)
		}
		return fmt.Sprintf(format, args...)
	}
	answer := func(status string) string { return quote(machinery, "%s (%s %s)", status, "post", resource) }
	discovery := quote(client+"discovery_client.go", "unable to retrieve the complete list of server APIs: %s",
		group+": "+quote(client+"aggregated_discovery.go", "stale GroupVersion discovery: %v", group))

	for program, want := range map[string][]string{
		"Kubernetes": {
			quote(machinery, "%s is forbidden: %v", resource, quote("k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go",
				"User %q cannot %s resource %q in API group %q at the cluster scope",
				"system:serviceaccount:cert-manager:cert-manager", "create", "mijn-host", "acme.mijn.host")),
			answer(quote(machinery, "the server is currently unable to handle the request")),
			answer(quote(machinery, "the server could not find the requested resource")),
			answer(quote(machinery, "the server is currently unable to handle the request")), // quoted again, for a lost node
			answer(quote(machinery, "the server was unable to return a response in the time allotted, but may still be processing the request")),
			discovery,
			quote("k8s.io/kubernetes/pkg/controller/namespace/deletion/status_condition_utils.go",
				"Discovery failed for some groups, %d failing: %v", 1, discovery),
		},
		"cert-manager": {
			quote(wait, "When querying the SOA record for the domain '%s' using nameservers %v, rcode was expected to be 'NOERROR' or 'NXDOMAIN', but got '%s'",
				fqdn, nameservers, "SERVFAIL"),
			quote(wait, "Could not find the SOA record in the DNS tree for the domain '%s' using nameservers %v", fqdn, nameservers),
			quote(wait, "Could not determine authoritative nameservers for %q", fqdn),
			"dial tcp 10.96.0.10:53: i/o timeout", // from Go, when a call gets no answer
			quote(certManager+"controller/acmechallenges/readiness.go", "Waiting for %s challenge propagation: %s", "DNS-01",
				quote(certManager+"issuer/acme/dns/dns.go", "DNS record for %q not yet propagated", "example.nl")),
		},
	} {
		var quoted []string
		for _, block := range regexp.MustCompile(program+" says:\n\n```text\n([^`]*)\n```").FindAllStringSubmatch(read(t, "docs/guides/troubleshooting.md"), -1) {
			quoted = append(quoted, strings.Split(block[1], "\n")...)
		}
		if !slices.Equal(slices.Sorted(slices.Values(quoted)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s says\n%s\nbut docs/guides/troubleshooting.md quotes\n%s", program, strings.Join(want, "\n"), strings.Join(quoted, "\n"))
		}
	}
}

// sourceOf returns a file of a module that the end-to-end tests depend on.
func sourceOf(t *testing.T, file string) string {
	t.Helper()
	elements := 2
	if strings.HasPrefix(file, "github.com/") {
		elements = 3
	}
	path := strings.SplitN(file, "/", elements+1)
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", strings.Join(path[:elements], "/"))
	list.Dir = filepath.Join(root, "test", "e2e")
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), path[elements]))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}
