package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Parts of a cluster run in the process that started it. So with -keep the demo runs in a background process, and the process in
// the foreground shows its output until the certificate is issued.

// kept is the message of the background process when it has succeeded and keeps running.
const kept = "kept"

// report is the file descriptor for that message.
const report = 3

// watchBackground starts the demo in the background and copies its output.
func watchBackground(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	outcome, reportEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	//nolint:noctx // SIGTERM stops it when ctx ends, so that it cleans up
	cmd := exec.Command(self, "-keep", "-background")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // survives Ctrl-C and the end of the terminal
	cmd.ExtraFiles = []*os.File{reportEnd}
	output, outputEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = outputEnd, outputEnd
	if err := cmd.Start(); err != nil {
		return err
	}
	_, _ = outputEnd.Close(), reportEnd.Close()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()

	// Both return when it reports kept or exits.
	if _, err := io.Copy(os.Stdout, output); err != nil {
		return err
	}
	if word, err := io.ReadAll(outcome); err != nil || string(word) == kept {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return errors.New("demo failed, see above")
	}
	return nil
}

// waitInBackground releases the foreground process and waits to be stopped.
func waitInBackground(ctx context.Context) error {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	for _, file := range []*os.File{os.Stdout, os.Stderr} {
		if err := syscall.Dup3(int(nowhere.Fd()), int(file.Fd()), 0); err != nil {
			return err
		}
	}
	pipe := os.NewFile(report, "report")
	if _, err := pipe.WriteString(kept); err != nil {
		return err
	}
	if err := pipe.Close(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
