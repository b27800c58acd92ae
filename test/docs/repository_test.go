package docs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

const (
	root     = "../.."
	chartDir = "deploy/mijn-host-webhook"
	chartOCI = "oci://ghcr.io/mijn-host-webhook/charts/mijn-host-webhook"
)

func TestMain(m *testing.M) {
	klog.SetLogger(logr.Discard()) // the solver would log each config
	os.Exit(m.Run())
}

// check returns the faults of a document, each with its line.
type check func(t *testing.T, d *Document) []string

// mistake is a text with a fault, and a word that the reported fault must contain.
type mistake struct{ text, word string }

// tryAll runs a check on every document. The check must also find each planted mistake, and accept a valid document.
func tryAll(t *testing.T, faultsOf check, valid string, planted []mistake) {
	t.Helper()
	documents, err := Documents(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		t.Run(d.Path, func(t *testing.T) {
			t.Parallel()
			for _, fault := range faultsOf(t, d) {
				t.Errorf("%s:%s", d.Path, fault)
			}
		})
	}
	t.Run("accepts a valid document", func(t *testing.T) {
		t.Parallel()
		if faults := faultsOf(t, Parse("docs/planted.md", []byte(valid))); len(faults) > 0 {
			t.Errorf("got faults %q, want none", faults)
		}
	})
	for _, one := range planted {
		t.Run("finds "+one.word, func(t *testing.T) {
			t.Parallel()
			faults := faultsOf(t, Parse("docs/planted.md", []byte(one.text)))
			if !slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, one.word) }) {
				t.Errorf("got faults %q, want one about %q in\n%s", faults, one.word, one.text)
			}
		})
	}
}

// run runs a program from .cache/bin in the repository's root, without the user's configuration.
func run(t *testing.T, stdin, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, ".cache", "bin", program))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = os.Stat(path); err != nil {
		t.Fatalf("%v: run `make control-plane`", err)
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = root
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(home, "none"),
		"HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home,
	}
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), strings.TrimSpace(errs.String()), err
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// once builds a value that several tests share when the first test needs it.
func once[T any](build func(t *testing.T) T) func(t *testing.T) T {
	var (
		lock  sync.Mutex
		built *T
	)
	return func(t *testing.T) T {
		t.Helper()
		lock.Lock()
		defer lock.Unlock()
		if built == nil {
			one := build(t)
			built = &one
		}
		return *built
	}
}
