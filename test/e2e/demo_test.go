package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// TestDemo: however the demo ends, none of its processes and none of its files are left. With --keep it leaves a cluster
// that can be used, until that is stopped in the way it says.
func TestDemo(t *testing.T) {
	t.Parallel()
	program := buildDemo(t)

	t.Run("done", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program)
		d.awaitCluster(t)
		d.requireExit(t, 0)
		requireWords(t, process.Tail(d.log, 4), "names    example.nl, *.example.nl, voorbeeld.nl",
			"Both zones are what they were before, byte for byte.")
		d.requireNothingLeft(t)
	})

	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program)
		d.awaitCluster(t)
		if err := syscall.Kill(d.awaitProgram(t, "helm"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.requireExit(t, 1)
		requireWords(t, d.said(t), "demo: helm upgrade cert-manager", "signal: killed", "==== kube-apiserver.log")
		d.requireNothingLeft(t)
	})

	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program)
		d.awaitCluster(t)
		d.awaitProgram(t, "cert-manager-controller") // A pod's, which has to be ended, too.
		d.pressCtrlC()
		d.requireExit(t, 1)
		requireWords(t, process.Tail(d.log, 1), "demo: interrupted; everything has been stopped")
		d.requireNothingLeft(t)
	})

	t.Run("stopped before it is kept", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program, "--keep")
		d.awaitCluster(t)
		d.awaitProgram(t, "cert-manager-controller") // A pod's, which has to be ended, too.
		d.pressCtrlC()
		d.requireExit(t, 1)
		requireWords(t, d.said(t), "demo: interrupted; everything has been stopped")
		d.requireNothingLeft(t)
	})

	t.Run("kept", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program, "--keep")
		d.awaitCluster(t)
		d.requireExit(t, 0)
		if certificates := d.certificates(t); !regexp.MustCompile(`(?m)^default +example-nl +True `).MatchString(certificates) {
			t.Errorf("the cluster that stays has no certificate:\n%s", certificates)
		}
		d.stopAsTold(t)
	})
}

func buildDemo(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "demo")
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := set.GoBuild(t.Context(), t.Output(), "test/e2e", "-ldflags=-s -w", "-o", program, "./cmd/demo"); err != nil {
		t.Fatal(err)
	}
	return program
}

// demo is one that runs as if a shell had started it: with a terminal's view of its output, and a process group of its own.
type demo struct {
	*process.Process
	// tmp is its own directory for temporary files.
	tmp string
	// log is what it writes to the terminal.
	log string
}

func startDemo(t *testing.T, program string, flags ...string) *demo {
	t.Helper()
	d := &demo{tmp: t.TempDir(), log: filepath.Join(t.TempDir(), "demo.log")}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	d.Process, err = process.Start(process.Spec{
		Path: program, Args: flags, Env: append(os.Environ(), "TMPDIR="+d.tmp), Dir: here, LogFile: d.log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(d.said(t))
		}
		for pid := range d.processes(t) { // What is kept does not end with this test.
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return d
}

func (d *demo) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(d.log)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// awaitCluster waits for the demo to be at its first use of the cluster, which shows too that its processes can be seen.
func (d *demo) awaitCluster(t *testing.T) {
	t.Helper()
	if err := d.WaitUntil(within(t, startLimit), func(context.Context) error {
		if !strings.Contains(d.said(t), "▸ Installing cert-manager") {
			return errors.New("the cluster is not up")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d.requireRunning(t)
}

// requireRunning waits a moment: a process that has just begun has no name yet.
func (d *demo) requireRunning(t *testing.T) {
	t.Helper()
	for _, program := range []string{"demo", "etcd", "kube-apiserver", "kube-controller-manager", "pebble"} {
		d.awaitProgram(t, program)
	}
}

// processes of the demo that run, by their ids. Each has been told of the demo's directory, be it by the environment alone.
func (d *demo) processes(t *testing.T) map[int]string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	running := map[int]string{}
	for _, one := range all {
		// What cannot be read has just ended, or is another user's.
		arguments, _ := os.ReadFile(filepath.Join(one, "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(one, "environ"))
		work, _ := os.Readlink(filepath.Join(one, "cwd"))
		if !strings.Contains(string(arguments)+string(environment)+work, d.tmp) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(one))
		if err != nil {
			t.Fatal(err)
		}
		program, _, _ := strings.Cut(string(arguments), "\x00")
		running[pid] = filepath.Base(program)
	}
	return running
}

// named are the ids of the processes of a program.
func named(running map[int]string, program string) (pids []int) {
	for pid, name := range running {
		if name == program {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitProgram returns the id of a program of the demo as soon as that runs.
func (d *demo) awaitProgram(t *testing.T, program string) (pid int) {
	t.Helper()
	if err := d.WaitUntil(within(t, soon), func(context.Context) error {
		pids := named(d.processes(t), program)
		if len(pids) == 0 {
			return errors.New("there is no " + program)
		}
		pid = pids[0]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return pid
}

// pressCtrlC sends what a terminal sends, to the whole process group as that does.
func (d *demo) pressCtrlC() { d.Signal(syscall.SIGINT) }

func (d *demo) requireExit(t *testing.T, want int) {
	t.Helper()
	select {
	case <-d.Exited():
	case <-within(t, startLimit).Done():
		t.Fatal("the demo has not ended")
	}
	if code := d.ExitCode(); code != want {
		t.Errorf("the demo has ended with %d instead of %d", code, want)
	}
}

// requireNothingLeft of a demo that has ended: not a moment later, for it says that everything has been stopped.
func (d *demo) requireNothingLeft(t *testing.T) {
	t.Helper()
	if err := d.left(t); err != nil {
		t.Error(err)
	}
}

func (d *demo) left(t *testing.T) error {
	t.Helper()
	files, err := os.ReadDir(d.tmp)
	if err != nil {
		return err
	}
	if running := d.processes(t); len(running)+len(files) > 0 {
		return fmt.Errorf("there are the processes %v and the files %v", running, files)
	}
	return nil
}

// certificates are what the command shows that a kept demo has named.
func (d *demo) certificates(t *testing.T) string {
	t.Helper()
	command := strings.Fields(d.told(t, `(\S+/kubectl .*)`))
	if !slices.Contains(command, "certificates") {
		t.Fatalf("what would %q show?", command)
	}
	kubectl := exec.CommandContext(within(t, time.Minute), command[0], command[1:]...)
	kubectl.Env = []string{"KUBECONFIG=" + d.told(t, `export KUBECONFIG=(.*)`), "HOME=" + t.TempDir()}
	output, err := kubectl.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

// stopAsTold sees that all runs, sends the signal that a kept demo has named, and waits for the end.
func (d *demo) stopAsTold(t *testing.T) {
	t.Helper()
	d.requireRunning(t)
	pid, err := strconv.Atoi(d.told(t, `to stop it: +kill (\d+)`))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Eventually(within(t, time.Minute), func(context.Context) error { return d.left(t) }); err != nil {
		t.Error(err)
	}
}

// told is a part of what the demo has said.
func (d *demo) told(t *testing.T, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(d.said(t))
	if found == nil {
		t.Fatalf("it has not said %s", pattern)
	}
	return found[1]
}
