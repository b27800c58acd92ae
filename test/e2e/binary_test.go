package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

// TestBinarySize: the webhook has at most 58 MiB, and no package looks up methods by name through reflection. One such package
// makes the linker keep every exported method of every type, a quarter of the binary.
func TestBinarySize(t *testing.T) {
	t.Parallel()
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "webhook")
	dependencies := new(bytes.Buffer)
	// Go caches the linker's output, and -dumpdep does not change the cache key, so a later build would print all of it again. A
	// distinct version gives this link its own key.
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
		t.Fatalf("got %d dependencies from the linker, want at least 1000:\n%s", lines, dependencies)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	const most = 58 << 20 // on amd64; other platforms differ by a few MiB
	t.Logf("%d bytes", info.Size())
	if runtime.GOARCH == "amd64" && info.Size() > most {
		t.Errorf("got %d bytes, want at most %d", info.Size(), most)
	}
}
