// Command cert-manager contains only cert-manager's programs, for a cluster with another cert-manager than the one in
// go.mod.
package main

import (
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/certmanager"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/multicall"
)

func main() { multicall.Run(certmanager.Programs()) }
