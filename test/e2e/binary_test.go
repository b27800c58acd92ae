package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

// TestTheBinaryIsLean: the webhook has at most 58 MiB, and nothing in it asks by reflection for methods by name. One
// package that does makes the linker keep every exported method of every type, which is a quarter of the binary.
func TestTheBinaryIsLean(t *testing.T) {
	t.Parallel()
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "webhook")
	dependencies := new(bytes.Buffer)
	// Go repeats what the linker said when it finds the same link done, and -dumpdep alone makes it no other link: a later
	// build would say all of it. A version of its own does.
	flags := "-ldflags=-s -w -X main.version=" + t.Name() + " -dumpdep"
	if err = set.GoBuild(t.Context(), dependencies, ".", flags, "-o", file, "."); err != nil {
		t.Fatalf("%v\n%s", err, dependencies)
	}
	lines := 0
	for line := range bytes.Lines(dependencies.Bytes()) {
		lines++
		if bytes.Contains(line, []byte("<ReflectMethod>")) {
			t.Errorf("%s", line)
		}
	}
	if lines < 1000 {
		t.Fatalf("the linker tells of %d dependencies:\n%s", lines, dependencies)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	const most = 58 << 20 // On amd64; others differ by a few MiB.
	t.Logf("%d bytes", info.Size())
	if runtime.GOARCH == "amd64" && info.Size() > most {
		t.Errorf("%d bytes are more than %d", info.Size(), most)
	}
}
