// Command build builds the programs of the test cluster, with --nodes also those of real nodes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	build := binaries.Build
	if slices.Contains(os.Args[1:], "--nodes") {
		build = binaries.BuildForNodes
	}
	return build(ctx, func(done, of int) {
		fmt.Fprintf(os.Stderr, "Building etcd, kube-apiserver, cert-manager, Pebble, Helm and the webhook: %d of %d packages compiled.\n", done, of)
	})
}
