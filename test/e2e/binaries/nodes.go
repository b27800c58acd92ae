package binaries

import (
	"context"
	"path/filepath"
)

// nodePrograms are the programs that `make test` does not need.
func nodePrograms() []string {
	return []string{"kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet"}
}

// LocateForNodes is Locate for real nodes, with a kube-controller-manager that has all controllers.
func LocateForNodes(ctx context.Context) (Set, error) {
	set, err := Locate(ctx)
	if err != nil {
		return Set{}, err
	}
	set.takeFrom(set.nodeDir(), append(nodePrograms(), "pause"))
	return set, nil
}

func (s Set) nodeDir() string { return filepath.Join(s.Root, ".cache", "node") }

// BuildForNodes also builds the programs of real nodes, and the pause program of a pod.
func BuildForNodes(ctx context.Context, onProgress Progress) error {
	if err := Build(ctx, onProgress); err != nil {
		return err
	}
	set, err := Locate(ctx)
	if err != nil {
		return err
	}
	dir := set.nodeDir()
	if err := set.goBuild(ctx, module, "-tags=grpcnotrace,kubelet", "-ldflags="+set.linkerFlags(), "-o", dir+"/", "./cmd/node", "./cmd/pause"); err != nil {
		return err
	}
	return nameAll(filepath.Join(dir, "node"), nodePrograms())
}
