// Package assets sets the environment variables that lead cert-manager's conformance suite to the control plane.
//
// The suite reads these variables during initialization and panics without them, so an earlier package must set them. Go
// initializes packages in the order of their import paths, once their imports are initialized. This package imports only the
// standard library; the suite imports packages below k8s.io, which sorts after github.com.
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
		// A test runs in its package's directory.
		path, err := filepath.Abs(filepath.Join("..", "..", "..", ".cache", "bin", program))
		if err == nil {
			err = os.Setenv(variable, path)
		}
		if err != nil {
			panic(err)
		}
	}
}
