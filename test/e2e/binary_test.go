package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

// TestBinarySize: the webhook has at most 58 MiB, and no package looks up methods by name through reflection. A single such
// package makes the linker keep every exported method of every type, a quarter of the binary.
func TestBinarySize(t *testing.T) {
	t.Parallel()
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "webhook")
	dependencies := new(bytes.Buffer)
	// Go caches the linker's output with the link, and -dumpdep does not change the cache key: a later build would repeat
	// all of it. A version of its own makes this link distinct.
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
		t.Fatalf("the linker lists only %d dependencies:\n%s", lines, dependencies)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	const most = 58 << 20 // On amd64. Other platforms differ by a few MiB.
	t.Logf("%d bytes", info.Size())
	if runtime.GOARCH == "amd64" && info.Size() > most {
		t.Errorf("%d bytes, want at most %d", info.Size(), most)
	}
}
