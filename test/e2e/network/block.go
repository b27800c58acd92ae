// Package network gives each cluster its own addresses on one machine, without root or network namespaces.
//
// On Linux, all of 127.0.0.0/8 is loopback. A cluster takes one block 127.N.0.0/16: its control plane listens on 127.N.0.1, and
// every pod has its own address, so charts keep their ports and clusters do not collide. Kubernetes rejects loopback addresses in
// objects, so there a pod's address starts with 10 instead of 127. The proxy of this package maps one to the other for the API
// server.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
)

// ServiceRange contains the cluster IPs of both families. Without a kube-proxy, no one dials them: the API server resolves the
// endpoints itself.
const ServiceRange = "10.0.0.0/24,fd00::/112"

// FirstService is the cluster IP of the API server.
const FirstService = "10.0.0.1"

// lockPort is the port on a block's first address that is bound while the block is in use.
const lockPort = "1993"

// Block is the address block of one cluster.
type Block struct {
	number int
	lock   net.Listener
	pods   atomic.Uint32
}

// Claim reserves a block that no other cluster on this machine uses.
func Claim(ctx context.Context) (*Block, error) {
	var last error
	for _, i := range rand.Perm(254) {
		lock, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.%d.0.0:%s", i+1, lockPort))
		if err == nil {
			return &Block{number: i + 1, lock: lock}, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no free block of loopback addresses: %w", last)
}

// Release frees the block.
func (b *Block) Release() { _ = b.lock.Close() }

// ControlPlane returns the address of everything that is not a pod.
func (b *Block) ControlPlane() string { return fmt.Sprintf("127.%d.0.1", b.number) }

// NextPod returns a new pod IP. It never reuses one, because a late connection could reach another pod.
func (b *Block) NextPod() string {
	n := b.pods.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", b.number, 1+n/250, 1+n%250)
}

// Loopback maps a cluster address to the loopback address; other addresses are unchanged.
func Loopback(address string) string {
	if rest, ok := strings.CutPrefix(address, "10."); ok {
		return "127." + rest
	}
	return address
}
