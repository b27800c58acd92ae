package binaries

import (
	"context"
	"path/filepath"
)

// nodePrograms are the programs that `make test` does not need.
func nodePrograms() []string {
	return []string{"kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet"}
}

// BuildForNodes also builds the programs of real nodes, a kube-controller-manager with all controllers, and the pause
// program of a pod.
func BuildForNodes(ctx context.Context, onProgress Progress) (Set, error) {
	set, err := BuildWithProgress(ctx, onProgress)
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
