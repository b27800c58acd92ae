// Package assets tells cert-manager's conformance suite where the control plane is. It is to be imported for that alone.
//
// The suite looks for these variables while it is initialised, before any code of a test runs, and panics without them.
// So they must be set by the initialisation of a package that comes earlier, and this one does: of all packages that
// are ready, Go initialises the one whose path sorts first. This one is ready as soon as the standard library is; the
// suite has to wait for packages below k8s.io, which sorts after every path on github.com.
package assets

import (
	"os"
	"path/filepath"
)

//nolint:gochecknoinits // see above
func init() {
	for variable, program := range map[string]string{
		"TEST_ASSET_ETCD":           "etcd",
		"TEST_ASSET_KUBE_APISERVER": "kube-apiserver",
		"TEST_ASSET_KUBECTL":        "kubectl",
	} {
		if os.Getenv(variable) != "" {
			continue
		}
		// A test runs in the directory of its package.
		path, err := filepath.Abs(filepath.Join("..", "..", "..", ".cache", "bin", program))
		if err == nil {
			err = os.Setenv(variable, path)
		}
		if err != nil {
			panic(err)
		}
	}
}
