package docs

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCrash_NoKey aborts a process during a call. It must print its goroutines without the key, and exit without a core dump. Go
// requests a core dump only with GOTRACEBACK=crash.
func TestCrash_NoKey(t *testing.T) {
	t.Parallel()
	const key = "key-of-the-crashed"
	program, err := filepath.Abs(filepath.Join(root, ".cache", "bin", "webhook"))
	if err != nil {
		t.Fatal(err)
	}
	if err = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil { // for this process and its children
		t.Fatal(err)
	}
	called := make(chan struct{}, 1)
	over := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case called <- struct{}{}:
		default:
		}
		<-over
	}))
	defer api.Close()
	defer close(over)

	crash := func(environment string) (report string, aborted bool) {
		var out bytes.Buffer
		webhook := exec.CommandContext(t.Context(), program, "check", "--domain=example.nl", "--mijnhost-base-url="+api.URL)
		webhook.Env = []string{environment, "MIJNHOST_API_KEY=" + key, "HOME=" + t.TempDir()}
		webhook.Dir = t.TempDir()
		webhook.Stdout, webhook.Stderr = &out, &out
		if err := webhook.Start(); err != nil {
			t.Fatal(err)
		}
		<-called
		if err := webhook.Process.Signal(syscall.SIGABRT); err != nil {
			t.Fatal(err)
		}
		_ = webhook.Wait()
		status, _ := webhook.ProcessState.Sys().(syscall.WaitStatus)
		return out.String(), status.Signaled()
	}
	report, aborted := crash("GOTRACEBACK=")
	if aborted || !strings.Contains(report, "SIGABRT") || strings.Contains(report, key) {
		t.Errorf("got terminated by the signal %v, want false and a report without the key:\n%s", aborted, report)
	}
	if _, aborted = crash("GOTRACEBACK=crash"); !aborted {
		t.Error("this test cannot detect the request for a core dump")
	}
}

// TestCrash_NoCoreDump: neither the image nor the chart sets GOTRACEBACK.
func TestCrash_NoCoreDump(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, chartDir, "templates", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range append(files, filepath.Join(root, chartDir, "values.yaml"), filepath.Join(root, "Dockerfile")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("GOTRACEBACK")) {
			t.Errorf("%s sets GOTRACEBACK", file)
		}
	}
}
