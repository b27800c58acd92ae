package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/controlplane"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/kubelet"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pebble"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// realNodes are nodes with a kubelet, and the proxy through which the control plane reaches their pods.
type realNodes struct {
	proxy *process.Process
	nodes []*kubelet.Node
}

func (r *realNodes) stop() {
	for _, node := range r.nodes {
		node.Stop()
	}
	if r.proxy != nil {
		r.proxy.Kill()
	}
}

// Nodes are the real nodes.
type Nodes struct {
	Count int
	// Archive contains the webhook's image.
	Archive string
	// ControlGroup is the parent of the nodes' cgroups.
	ControlGroup string
}

// StartOnNodes runs a cluster of real nodes, and an ACME server that resolves names through one DNS server. The nodes'
// network must exist.
func StartOnNodes(ctx context.Context, set binaries.Set, dns string, nodes Nodes) (*Cluster, error) {
	c := &Cluster{binaries: set, dns: dns}
	if err := c.startOnNodes(ctx, nodes); err != nil {
		err = fmt.Errorf("%w\n%s", err, c.Logs(15))
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) startOnNodes(ctx context.Context, nodes Nodes) (err error) {
	set := c.binaries
	if c.Dir, err = os.MkdirTemp("", "mijn-host-"); err != nil {
		return err
	}
	if c.controlPlane, err = controlplane.StartForNodes(ctx, set, c.Dir, kubelet.ControlPlane); err != nil {
		return err
	}
	if c.Client, err = client.New(c.controlPlane.Config, client.Options{Scheme: kinds()}); err != nil {
		return err
	}
	if c.Pebble, err = pebble.Start(ctx, set, pebble.Options{Dir: c.Dir, Address: kubelet.ControlPlane, DNS: c.dns}); err != nil {
		return err
	}
	c.real = &realNodes{}
	if err = c.startProxy(ctx); err != nil {
		return err
	}
	archives, err := c.archives()
	if err != nil {
		return err
	}
	for i := range nodes.Count {
		node, err := kubelet.Start(ctx, set, kubelet.Options{
			Dir: c.Dir, Number: i + 1, ControlPlane: c.controlPlane, ControlGroup: nodes.ControlGroup,
			Archives: append(archives, nodes.Archive),
		})
		if err != nil {
			return err
		}
		c.real.nodes = append(c.real.nodes, node)
	}
	for _, node := range c.real.nodes {
		if err := c.awaitNode(ctx, node.Name); err != nil {
			return err
		}
	}
	return nil
}

// startProxy runs kube-proxy on the control plane's machine, so that it reaches Services. The machine gets an unschedulable Node.
func (c *Cluster) startProxy(ctx context.Context) (err error) {
	const name = "control-plane"
	machine := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.NodeSpec{Unschedulable: true},
	}
	if err = c.Client.Create(ctx, machine); err != nil {
		return err
	}
	machine.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: kubelet.ControlPlane}}
	if err = c.Client.Status().Update(ctx, machine); err != nil {
		return err
	}
	c.real.proxy, err = kubelet.StartProxy(c.binaries, c.Dir, name, c.controlPlane)
	return err
}

// certManagerTag is the tag of the substitutes for cert-manager's images, because the chart in its module has no version.
const certManagerTag = "e2e"

// certManagerValues are chart values for the substitutes on real nodes; the webhook's needs a writable /tmp.
func (r *realNodes) certManagerValues() []string {
	if r == nil {
		return nil
	}
	return []string{
		fmt.Sprintf("image.tag=%q", certManagerTag),
		fmt.Sprintf("cainjector.image.tag=%q", certManagerTag),
		fmt.Sprintf("webhook.image.tag=%q", certManagerTag),
		`webhook.volumes=[{"name": "tmp", "emptyDir": {}}]`, `webhook.volumeMounts=[{"name": "tmp", "mountPath": "/tmp"}]`,
	}
}

// archives builds the images that the nodes import.
func (c *Cluster) archives() ([]string, error) {
	pause, certManager := filepath.Join(c.Dir, "pause.tar"), filepath.Join(c.Dir, "cert-manager.tar")
	image := func(name string, flags ...string) kubelet.Image {
		return kubelet.Image{
			Name:       "quay.io/jetstack/" + name + ":" + certManagerTag,
			Entrypoint: append([]string{"/" + name}, flags...),
		}
	}
	return []string{pause, certManager}, errors.Join(
		kubelet.WriteArchive(pause, c.binaries.Path("pause"), kubelet.PauseImage()),
		kubelet.WriteArchive(certManager, c.binaries.Path("cert-manager-controller"),
			image("cert-manager-controller", everywhere), image("cert-manager-cainjector"), image("cert-manager-webhook", everywhere)),
	)
}

// everywhere is the listen address of a program in its own network namespace.
const everywhere = "--bind-address=0.0.0.0"

func (c *Cluster) awaitNode(ctx context.Context, name string) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return c.Await(ctx, node, func() error {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%s is not ready: %v", name, node.Status.Conditions)
	})
}

// LoseNode simulates a power failure of a node.
func (c *Cluster) LoseNode(ctx context.Context, name string) error {
	for _, node := range c.real.nodes {
		if node.Name == name {
			return node.Lose(ctx)
		}
	}
	return fmt.Errorf("%s not found", name)
}
