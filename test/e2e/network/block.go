// Package network gives each cluster addresses of its own on one machine, without root and without network namespaces.
//
// Linux answers on all of 127.0.0.0/8. A cluster takes one block 127.N.0.0/16 of it: its control plane listens on
// 127.N.0.1, and every pod has an address of its own, so that the ports which a chart names can stay as they are and two
// clusters never meet. Kubernetes refuses loopback addresses in its objects; there, a pod's address begins with 10 in
// place of 127, and the proxy of this package leads the API server from the one to the other.
package network

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
)

// ServiceRange of both families is for the cluster IPs. Without a kube-proxy nobody dials them: the API server looks up the
// endpoints itself.
const ServiceRange = "10.0.0.0/24,fd00::/112"

// FirstService is the address in it of the API server's own Service.
const FirstService = "10.0.0.1"

// lockPort is held on a block's first address for as long as the block is taken.
const lockPort = "1993"

// Block is the addresses of one cluster.
type Block struct {
	number int
	lock   net.Listener
	pods   atomic.Uint32
}

// Claim takes a block that no other cluster on this machine has.
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

// Release gives the block back.
func (b *Block) Release() { _ = b.lock.Close() }

// ControlPlane is the address of whatever is no pod.
func (b *Block) ControlPlane() string { return fmt.Sprintf("127.%d.0.1", b.number) }

// NextPod is a pod's address as the cluster knows it. None is given out twice, as a late connection could meet another pod.
func (b *Block) NextPod() string {
	n := b.pods.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", b.number, 1+n/250, 1+n%250)
}

// Loopback is where the machine reaches an address of the cluster; other addresses stay as they are.
func Loopback(address string) string {
	if rest, ok := strings.CutPrefix(address, "10."); ok {
		return "127." + rest
	}
	return address
}
