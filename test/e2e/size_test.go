package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTheBinaryIsLean: what we have put on cert-manager's webhook library weighs at most 1 MiB.
func TestTheBinaryIsLean(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	empty, webhook := sizeOf(t, "./test/emptysolver"), sizeOf(t, ".")
	t.Logf("an empty solver has %d bytes, the webhook %d: %d more", empty, webhook, webhook-empty)
	if webhook-empty > most {
		t.Errorf("that is more than %d", most)
	}
}

// sizeOf is the size of a program as it is released: without symbols.
func sizeOf(t *testing.T, program string) int64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, program)
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
