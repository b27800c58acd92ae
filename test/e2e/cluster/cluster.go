// Package cluster runs everything that it takes to issue a certificate, on one machine and without root: a control plane, a node,
// cert-manager, an ACME server, and the webhook as installed by its chart.
package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	acmev1 "github.com/cert-manager/cert-manager/pkg/apis/acme/v1"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/controlplane"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/node"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pebble"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// Cluster is a running cluster.
type Cluster struct {
	// Dir contains all its files, including the logs. Stop removes it.
	Dir string
	// Client has cluster-admin permissions.
	Client client.Client
	// Pebble is the ACME server.
	Pebble *pebble.Pebble

	binaries     binaries.Set
	block        *network.Block
	controlPlane *controlplane.ControlPlane
	node         *node.Node
	real         *realNodes
	dns          string
}

// podsDir is the directory for the node's pods, below the cluster's directory.
const podsDir = "pods"

// Start runs an empty cluster and an ACME server that resolves names through one DNS server.
func Start(ctx context.Context, set binaries.Set, dns string) (*Cluster, error) {
	c := &Cluster{binaries: set, dns: dns}
	if err := c.start(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) (err error) {
	set := c.binaries
	if c.Dir, err = os.MkdirTemp("", "mijn-host-"); err != nil {
		return err
	}
	if c.block, err = network.Claim(ctx); err != nil {
		return err
	}
	if c.controlPlane, err = controlplane.Start(ctx, set, c.Dir, c.block); err != nil {
		return err
	}
	if c.Client, err = client.New(c.controlPlane.Config, client.Options{Scheme: kinds()}); err != nil {
		return err
	}
	if c.node, err = node.Start(ctx, node.Options{
		Dir:    filepath.Join(c.Dir, podsDir),
		Config: c.controlPlane.Config,
		Block:  c.block,
		Images: images(set),
	}); err != nil {
		return err
	}
	c.Pebble, err = pebble.Start(ctx, set, pebble.Options{Dir: c.Dir, Address: c.block.ControlPlane(), DNS: c.dns})
	return err
}

// kinds returns the scheme for the kinds that the tests use.
func kinds() *runtime.Scheme {
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, apiregistrationv1.AddToScheme, cmv1.AddToScheme, acmev1.AddToScheme,
	} {
		if err := add(kinds); err != nil {
			panic(err) // the libraries conflict
		}
	}
	return kinds
}

// Stop stops all processes and removes all files.
func (c *Cluster) Stop() {
	if c.real != nil {
		c.real.stop()
	}
	if c.node != nil {
		c.node.Stop()
	}
	if c.Pebble != nil {
		c.Pebble.Stop()
	}
	if c.controlPlane != nil {
		c.controlPlane.Stop()
	}
	if c.block != nil {
		c.block.Release()
	}
	_ = os.RemoveAll(c.Dir)
}

// Kubeconfig is the path of an administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.controlPlane.Kubeconfig }

// Program returns the path of a program such as kubectl.
func (c *Cluster) Program(name string) string { return c.binaries.Path(name) }

// CreateNamespace creates a namespace unless it exists.
func (c *Cluster) CreateNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return client.IgnoreAlreadyExists(c.Client.Create(ctx, namespace))
}

// Logs returns the last lines of every log, for a failed test.
func (c *Cluster) Logs(lines int) string {
	programs, _ := filepath.Glob(filepath.Join(c.Dir, "*.log"))
	containers, _ := filepath.Glob(filepath.Join(c.Dir, podsDir, "*", "*.log"))
	onNodes, _ := filepath.Glob(filepath.Join(c.Dir, "node-*", "*.log"))
	var all strings.Builder
	for _, file := range slices.Concat(programs, containers, onNodes) {
		name, _ := filepath.Rel(c.Dir, file)
		fmt.Fprintf(&all, "==== %s\n%s\n", name, process.Tail(file, lines))
	}
	return all.String()
}
