package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"k8s.io/apimachinery/pkg/util/version"
)

// otherKubernetes is the environment variable that selects another Kubernetes version than the one in go.mod. It applies
// to the API server, the controllers and kubectl; etcd stays the same.
const otherKubernetes = "KUBERNETES"

func kubernetesPrograms() []string {
	return []string{"kube-apiserver", "kube-controller-manager", "kubectl"}
}

// withKubernetes returns a set with another version of Kubernetes.
func (s Set) withKubernetes(wanted string) (Set, error) {
	if _, err := version.ParseSemantic(wanted); err != nil {
		return Set{}, fmt.Errorf("%s: %w", otherKubernetes, err)
	}
	s.KubernetesVersion = wanted
	s.takeFrom(filepath.Join(s.Root, s.kubernetesDir()), kubernetesPrograms())
	return s, nil
}

// kubernetesDir is the directory, relative to Root, of another version of Kubernetes.
func (s Set) kubernetesDir() string {
	return filepath.Join(".cache", "kubernetes-"+s.KubernetesVersion)
}

// buildKubernetes builds the programs in a module that requires only that Kubernetes, so that they get the libraries they
// were released with.
func (s Set) buildKubernetes(ctx context.Context) error {
	if err := s.writeKubernetesModule(ctx, filepath.Join(s.Root, s.kubernetesDir())); err != nil {
		return err
	}
	args := []string{"-mod=mod", "-ldflags=" + s.linkerFlags(), "-o", "./"}
	for _, program := range kubernetesPrograms() {
		args = append(args, kubernetesModule+"/cmd/"+program)
	}
	return s.goBuild(ctx, s.kubernetesDir(), args...)
}

// writeKubernetesModule writes the go.mod of that module. Kubernetes requires its own libraries as v0.0.0 and replaces them
// with directories that its Go module does not contain. Each library is also released as v0.MINOR.PATCH of Kubernetes.
func (s Set) writeKubernetesModule(ctx context.Context, dir string) error {
	file, err := s.goCommand(ctx, module, "list", "-m", "-f={{.GoMod}}", kubernetesModule+"@"+s.KubernetesVersion)
	if err != nil {
		return err
	}
	theirs, err := os.ReadFile(strings.TrimSpace(string(file)))
	if err != nil {
		return err
	}
	parsed, err := modfile.ParseLax("go.mod", theirs, nil)
	if err != nil {
		return err
	}
	ours := new(modfile.File)
	err = errors.Join(
		ours.AddModuleStmt("kubernetes"),
		ours.AddGoStmt(parsed.Go.Version),
		ours.AddRequire(kubernetesModule, s.KubernetesVersion),
	)
	for _, library := range parsed.Require {
		if library.Mod.Version == "v0.0.0" {
			released := "v0" + strings.TrimPrefix(s.KubernetesVersion, "v1")
			err = errors.Join(err, ours.AddReplace(library.Mod.Path, "", library.Mod.Path, released))
		}
	}
	text, formatErr := ours.Format()
	return errors.Join(err, formatErr, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o600))
}
