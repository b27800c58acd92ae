// Package certmanager contains cert-manager's programs, assembled from its exported packages, because the commands are not
// available as Go modules. They skip leader election and expose no metrics.
package certmanager

import (
	"fmt"
	"os"
)

// Programs by name.
func Programs() map[string]func() {
	return map[string]func(){
		"cert-manager-controller": func() { exit("cert-manager-controller", runController(os.Args[1:])) },
		"cert-manager-cainjector": func() { exit("cert-manager-cainjector", runCAInjector(os.Args[1:])) },
		"cert-manager-webhook":    runWebhook,
	}
}

func exit(program string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(1)
	}
}
