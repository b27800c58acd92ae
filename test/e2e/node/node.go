// Package node is the only node of a cluster: a small kubelet that runs the containers of pods as plain processes.
//
// It supports arguments, environment, Secrets, ServiceAccount tokens, probes, restarts and grace periods. It replaces what needs
// root: a path inside the container becomes a path in the pod's directory (container.go), an image is an executable on this
// machine (image.go), and a kubeconfig contains the ServiceAccount's token (image.go).
package node

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
)

// Name is the node's name.
const Name = "e2e"

// Options of a node.
type Options struct {
	// Dir is the directory for the pods' files.
	Dir string
	// Config is the client config for the API server.
	Config *rest.Config
	Block  *network.Block
	Images []Image
}

// Node runs pods until Stop.
type Node struct {
	options    Options
	client     kubernetes.Interface
	secrets    corelisters.SecretLister
	configMaps corelisters.ConfigMapLister

	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// Start joins the cluster and runs all its pods.
func Start(ctx context.Context, options Options) (*Node, error) {
	client, err := kubernetes.NewForConfig(options.Config)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n := &Node{options: options, client: client, cancel: cancel, pods: map[types.UID]*pod{}}
	if err := n.join(ctx, running); err != nil {
		n.Stop()
		return nil, err
	}
	return n, nil
}

// join returns when the informers have synced. They keep watching until the node stops.
func (n *Node) join(ctx, running context.Context) error {
	if err := n.register(ctx); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(n.client, 0)
	n.secrets, n.configMaps = factory.Core().V1().Secrets().Lister(), factory.Core().V1().ConfigMaps().Lister()
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		factory.Core().V1().Pods().Informer(): cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { n.observe(running, object) },
			UpdateFunc: func(_, object any) { n.observe(running, object) },
			DeleteFunc: n.forget,
		},
		factory.Core().V1().Secrets().Informer():    n.onChange(),
		factory.Core().V1().ConfigMaps().Informer(): n.onChange(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(running.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("list %v: %w", kind, context.Cause(ctx))
		}
	}
	return nil
}

// Stop kills the processes of all pods and returns when they are gone. The Pod objects are unchanged.
func (n *Node) Stop() {
	n.cancel()
	n.running.Wait()
}

// register creates the Node. Kubernetes ignores endpoints of pods without one.
func (n *Node) register(ctx context.Context) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name:   Name,
		Labels: map[string]string{corev1.LabelHostname: Name, corev1.LabelOSStable: "linux"},
	}}
	_, err := n.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// allocatable are the limits that the downward API reports for a container without limits.
func allocatable() corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2"), corev1.ResourceMemory: resource.MustParse("4Gi")}
}

// observe passes the latest state of a pod to its worker.
func (n *Node) observe(ctx context.Context, observed any) {
	object, ok := observed.(*corev1.Pod)
	if !ok {
		return
	}
	n.mu.Lock()
	p, known := n.pods[object.UID]
	if !known {
		p = newPod(n, object)
		n.pods[object.UID] = p
		n.running.Go(func() { p.run(ctx) })
	}
	n.mu.Unlock()
	p.post(func() { p.object = object })
}

// forget stops a pod that was deleted from the API server.
func (n *Node) forget(observed any) {
	if gone, ok := observed.(cache.DeletedFinalStateUnknown); ok {
		observed = gone.Obj
	}
	object, ok := observed.(*corev1.Pod)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if p, known := n.pods[object.UID]; known {
		p.end()
		delete(n.pods, object.UID)
	}
}

// onChange wakes the pods of a namespace when an object that they may mount changes.
func (n *Node) onChange() cache.ResourceEventHandler {
	wake := func(object any) {
		changed, ok := object.(metav1.Object)
		if !ok {
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, p := range n.pods {
			if p.namespace == changed.GetNamespace() {
				p.post(func() {})
			}
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: wake, UpdateFunc: func(_, object any) { wake(object) }}
}
