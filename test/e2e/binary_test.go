package e2e

import (
	"os"
	"runtime"
	"testing"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

// TestBinarySize: the webhook has at most 58 MiB. One package that looks up methods by name through reflection makes the linker keep
// every exported method of every type, another 15 MiB. To find it (with the usual cache, Go repeats the dump in later builds):
//
//	GOCACHE=$(mktemp -d) go build -tags=grpcnotrace -ldflags=-dumpdep -o /dev/null . |& grep ReflectMethod
func TestBinarySize(t *testing.T) {
	t.Parallel()
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(set.Path("webhook"))
	if err != nil {
		t.Fatal(err)
	}
	const most = 58 << 20 // on amd64; other platforms differ by a few MiB
	t.Logf("%d bytes", info.Size())
	if runtime.GOARCH == "amd64" && info.Size() > most {
		t.Errorf("got %d bytes, want at most %d", info.Size(), most)
	}
}
