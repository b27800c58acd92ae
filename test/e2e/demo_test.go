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

// TestDemo: the demo leaves no process and no file behind, however it ends. With --keep it leaves a usable cluster, which the
// printed command stops.
func TestDemo(t *testing.T) {
	t.Parallel()
	program := buildDemo(t)

	t.Run("done", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program)
		d.awaitCluster(t)
		d.requireExit(t, 0)
		requireWords(t, process.Tail(d.log, 4), "names    example.nl, *.example.nl, voorbeeld.nl",
			"Both zones are unchanged, byte for byte.")
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
		requireWords(t, d.output(t), "demo: helm upgrade cert-manager", "signal: killed", "==== kube-apiserver.log")
		d.requireNothingLeft(t)
	})

	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program)
		d.awaitCluster(t)
		d.awaitProgram(t, "cert-manager-controller") // processes of pods must stop too
		d.pressCtrlC()
		d.requireExit(t, 1)
		requireWords(t, process.Tail(d.log, 1), "demo: interrupted; all processes stopped")
		d.requireNothingLeft(t)
	})

	t.Run("stopped early with --keep", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program, "--keep")
		d.awaitCluster(t)
		d.awaitProgram(t, "cert-manager-controller") // processes of pods must stop too
		d.pressCtrlC()
		d.requireExit(t, 1)
		requireWords(t, d.output(t), "demo: interrupted; all processes stopped")
		d.requireNothingLeft(t)
	})

	t.Run("kept", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, program, "--keep")
		d.awaitCluster(t)
		d.requireExit(t, 0)
		if certificates := d.certificates(t); !regexp.MustCompile(`(?m)^default +example-nl +True `).MatchString(certificates) {
			t.Errorf("got no Ready certificate in the kept cluster:\n%s", certificates)
		}
		d.stopAsPrinted(t)
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

// demo is a demo that runs as from a shell, in its own process group.
type demo struct {
	*process.Process
	// tmp is its TMPDIR.
	tmp string
	// log contains its output.
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
			t.Log(d.output(t))
		}
		for pid := range d.processes(t) { // a kept cluster outlives the demo
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return d
}

func (d *demo) output(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(d.log)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// awaitCluster waits until the demo uses the cluster, which also proves that its processes can be found.
func (d *demo) awaitCluster(t *testing.T) {
	t.Helper()
	if err := d.WaitUntil(withLimit(t, startLimit), func(context.Context) error {
		if !strings.Contains(d.output(t), "▸ Installing cert-manager") {
			return errors.New("the cluster is not running yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d.requireRunning(t)
}

// requireRunning retries: a process that has just started has no name yet.
func (d *demo) requireRunning(t *testing.T) {
	t.Helper()
	for _, program := range []string{"demo", "etcd", "kube-apiserver", "kube-controller-manager", "pebble"} {
		d.awaitProgram(t, program)
	}
}

// processes returns the demo's processes by ID. The demo's directory is in the arguments or environment of each.
func (d *demo) processes(t *testing.T) map[int]string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	running := map[int]string{}
	for _, one := range all {
		// An error means that the process has just exited or belongs to another user.
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

// named returns the process IDs of a program.
func named(running map[int]string, program string) (pids []int) {
	for pid, name := range running {
		if name == program {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitProgram waits until a program of the demo runs and returns its process ID.
func (d *demo) awaitProgram(t *testing.T, program string) (pid int) {
	t.Helper()
	if err := d.WaitUntil(withLimit(t, soon), func(context.Context) error {
		pids := named(d.processes(t), program)
		if len(pids) == 0 {
			return errors.New("no process of " + program)
		}
		pid = pids[0]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return pid
}

// pressCtrlC sends SIGINT to the process group, as a terminal does.
func (d *demo) pressCtrlC() { d.Signal(syscall.SIGINT) }

func (d *demo) requireExit(t *testing.T, want int) {
	t.Helper()
	select {
	case <-d.Exited():
	case <-withLimit(t, startLimit).Done():
		t.Fatal("the demo is still running")
	}
	if code := d.ExitCode(); code != want {
		t.Errorf("got exit code %d, want %d", code, want)
	}
}

// requireNothingLeft does not wait, because the demo reports that it has stopped all processes.
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
		return fmt.Errorf("processes left: %v; files left: %v", running, files)
	}
	return nil
}

// certificates runs the command that a kept demo prints.
func (d *demo) certificates(t *testing.T) string {
	t.Helper()
	command := strings.Fields(d.printed(t, `(\S+/kubectl .*)`))
	if !slices.Contains(command, "certificates") {
		t.Fatalf("unexpected command %q", command)
	}
	kubectl := exec.CommandContext(withLimit(t, time.Minute), command[0], command[1:]...)
	kubectl.Env = []string{"KUBECONFIG=" + d.printed(t, `export KUBECONFIG=(.*)`), "HOME=" + t.TempDir()}
	output, err := kubectl.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

// stopAsPrinted checks that everything runs, stops the demo with the printed command, and waits until it has ended.
func (d *demo) stopAsPrinted(t *testing.T) {
	t.Helper()
	d.requireRunning(t)
	pid, err := strconv.Atoi(d.printed(t, `to stop it: +kill (\d+)`))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Eventually(withLimit(t, time.Minute), func(context.Context) error { return d.left(t) }); err != nil {
		t.Error(err)
	}
}

// printed returns the submatch of a pattern in the demo's output.
func (d *demo) printed(t *testing.T, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(d.output(t))
	if found == nil {
		t.Fatalf("%s not found in the output", pattern)
	}
	return found[1]
}
