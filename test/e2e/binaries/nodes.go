package binaries

import (
	"context"
	"path/filepath"
)

// nodePrograms are those that `make test` does without.
func nodePrograms() []string {
	return []string{"kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet"}
}

// BuildForNodes builds what real nodes need beside everything else: their programs, kube-controller-manager with all of its
// controllers, and what holds the name spaces of a pod.
func BuildForNodes(ctx context.Context, tell Progress) (Set, error) {
	set, err := BuildTelling(ctx, tell)
	if err != nil {
		return Set{}, err
	}
	dir := filepath.Join(set.Root, ".cache", "node")
	if err := set.goBuild(ctx, module, "-tags=grpcnotrace,kubelet", "-ldflags="+set.linkerFlags(), "-o", dir+"/", "./cmd/node", "./cmd/pause"); err != nil {
		return Set{}, err
	}
	set.takeFrom(dir, append(nodePrograms(), "pause"))
	return set, nameAll(filepath.Join(dir, "node"), nodePrograms())
}
