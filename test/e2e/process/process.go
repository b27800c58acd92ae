// Package process runs programs that must never outlive the test or the demo that started them.
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

// Spec says what to run.
type Spec struct {
	Path string
	Args []string
	// Env is the whole environment; nothing of the caller's is inherited.
	Env []string
	Dir string
	// LogFile takes what the program writes; it is appended to, so that a restart keeps the earlier lines.
	LogFile string
}

// Process is a running program.
type Process struct {
	name    string
	logFile string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error // Readable once exited is closed.
}

// Start runs a program in a process group of its own: a Ctrl-C in the terminal reaches the caller alone, which then
// stops everything in the right order. Should the caller die without doing so, the kernel kills the program.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()

	//nolint:noctx // A context would kill what serves long after whoever started it; Stop and Kill end it.
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = append([]string{}, spec.Env...) // Not nil, which would mean the caller's own.
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

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode waits for the end of the program; a program ended by a signal has 128 and the signal's number, as in a shell.
func (p *Process) ExitCode() int {
	<-p.exited
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the program and to whatever it started.
func (p *Process) Signal(signal syscall.Signal) {
	// The only error is that it is gone already.
	_ = syscall.Kill(-p.PID(), signal)
}

// Stop asks the program to end, and kills it after the grace period.
func (p *Process) Stop(grace time.Duration) {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the program at once.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.exited
}

// WaitUntil asks again and again until ready returns nil. A program that ends before that is an error that shows its last words.
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
			return fmt.Errorf("%s ended (%w):\n%s", p.name, errors.Join(p.err, err), Tail(p.logFile, 15))
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
