// Command demo issues a certificate with names at both DNS hosts through the webhook, on its own control plane, and prints
// each step.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	keep := flag.Bool("keep", false, "leave the cluster running")
	background := flag.Bool("background", false, "run as the background process of -keep (internal)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *keep && !*background {
		return watchBackground(ctx)
	}
	if *background {
		syscall.CloseOnExec(report) // Otherwise the cluster's programs would inherit it and keep it open.
	}
	d := &demo{out: newNarrator(os.Stdout)}
	defer d.stop()
	if err := d.run(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted; all processes stopped")
		}
		return err
	}
	if *keep {
		d.explainHowToUse()
		return waitInBackground(ctx)
	}
	return nil
}
