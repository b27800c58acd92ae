// Package process runs programs that must not outlive the test or demo that started them.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Spec describes a program to run.
type Spec struct {
	Path string
	Args []string
	// Env is the complete environment; nothing is inherited.
	Env []string
	Dir string
	// LogFile receives the output. A restart appends to it.
	LogFile string
}

// Process is a running program.
type Process struct {
	name    string
	logFile string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // valid once exited is closed
}

// Start runs a program in its own process group, so that Ctrl-C reaches only the caller, which then stops all programs in order.
// If the caller dies first, the kernel kills the program.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()

	//nolint:noctx // it outlives the context of its start; Stop and Kill end it
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append([]string{}, spec.Env...) // not nil, which would inherit the caller's environment
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &Process{name: filepath.Base(spec.Path), logFile: spec.LogFile, cmd: cmd, exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// PID returns the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited returns a channel that is closed when the program exits.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits for the program to exit. Like a shell, it returns 128 plus the signal number for a killed program.
func (p *Process) ExitCode() int {
	<-p.exited
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the program's process group.
func (p *Process) Signal(signal syscall.Signal) {
	// It fails only if the process is gone.
	_ = syscall.Kill(-p.PID(), signal)
}

// Stop sends SIGTERM, and kills the program after the grace period.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill kills the program.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
}

// WaitUntil polls ready until it returns nil. If the program exits first, the error contains the end of its log.
func (p *Process) WaitUntil(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s exited (%w):\n%s", p.name, errors.Join(p.err, err), Tail(p.logFile, 15))
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready (%w):\n%s", p.name, err, Tail(p.logFile, 15))
		case <-tick.C:
		}
	}
}

// Tail returns the last lines of a log file.
func Tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
