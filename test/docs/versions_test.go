package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSupportedVersions_Tested compares docs/reference/supported-versions.md with the versions that the tests run. They must
// include every minor, from the oldest that the page and the chart support.
func TestSupportedVersions_Tested(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/reference/supported-versions.md")
	requirement := func(module string) string { return only(t, read(t, "test/e2e/go.mod"), `(?m)^\t`+module+` v(\S+)$`) }
	certManager, kubernetes := requirement("github.com/cert-manager/cert-manager"), requirement("k8s.io/kubernetes")

	tested := []string{row(certManager, kubernetes)}
	certManagers, kubernetesMinors := []string{minor(certManager)}, []string{minor(kubernetes)}
	for _, older := range regexp.MustCompile(`(CERT_MANAGER|KUBERNETES)=v([0-9.]+)`).FindAllStringSubmatch(only(t, read(t, "Makefile"), `OLDER \?= ((?:.*\\\n)*.*)`), -1) {
		if program, version := older[1], older[2]; program == "KUBERNETES" {
			tested = append(tested, row(certManager, version))
			kubernetesMinors = append(kubernetesMinors, minor(version))
		} else {
			tested = append(tested, row(version, kubernetes))
			certManagers = append(certManagers, minor(version))
		}
	}

	var listed []string
	for _, match := range regexp.MustCompile(`(?m)^\| ([0-9.]+) \| ([0-9.]+) \|.*\| passed \|$`).FindAllStringSubmatch(page, -1) {
		listed = append(listed, row(match[1], match[2]))
	}
	if !slices.Equal(listed, tested) {
		t.Errorf("the page lists\n%s\nbut the tests run\n%s", strings.Join(listed, "\n"), strings.Join(tested, "\n"))
	}
	for program, minors := range map[string][]string{"cert-manager": certManagers, "Kubernetes": kubernetesMinors} {
		oldest := only(t, page, `(?m)^\| `+program+` \| (\S+) and newer \|$`)
		if minors[len(minors)-1] != oldest {
			t.Errorf("%s: the page supports %s, but the oldest tested minor is %s", program, oldest, minors[len(minors)-1])
		}
		for i, newer := range minors[:len(minors)-1] {
			if follows(minors[i+1]) != newer {
				t.Errorf("%s: no minor is tested between %s and %s", program, minors[i+1], newer)
			}
		}
	}
	if oldest, chart := kubernetesMinors[len(kubernetesMinors)-1], read(t, chartDir+"/Chart.yaml"); !strings.Contains(chart, `kubeVersion: ">=`+oldest+`.0-0"`) {
		t.Errorf("the chart's kubeVersion does not start at %s", oldest)
	}
}

// TestOneKubernetes: every module except Prometheus's uses the Kubernetes libraries of the test cluster, because another version
// means compiling them again.
func TestOneKubernetes(t *testing.T) {
	t.Parallel()
	want := "v0" + only(t, read(t, "test/e2e/go.mod"), `(?m)^\tk8s\.io/kubernetes v1(\S+)$`)
	for _, module := range []string{"", "test/docs/", "test/e2e/", "test/observability/", "test/tools/helm3/", "test/tools/helm-unittest/"} {
		for _, library := range regexp.MustCompile(`\s(k8s\.io/\S+) (v0\.[1-9]\d*\.\d+)(?: //.*)?\n`).FindAllStringSubmatch(read(t, module+"go.mod"), -1) {
			if name, version := library[1], library[2]; version != want {
				t.Errorf("%sgo.mod requires %s %s, but the cluster has %s", module, name, version, want)
			}
		}
	}
}

func row(certManager, kubernetes string) string {
	return fmt.Sprintf("cert-manager %s, Kubernetes %s", certManager, kubernetes)
}

// minor returns 1.2 for 1.2.3.
func minor(version string) string { return version[:strings.LastIndex(version, ".")] }

func follows(minor string) string {
	var major, number int
	if _, err := fmt.Sscanf(minor, "%d.%d", &major, &number); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d.%d", major, number+1)
}

// only returns the first group of a pattern's match.
func only(t *testing.T, text, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no match for %s", pattern)
	}
	return found[1]
}
