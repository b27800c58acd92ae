package node

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod runs one pod. Fields below the line belong to the goroutine of run; other goroutines send it functions.
type pod struct {
	node      *Node
	namespace string
	dir       string
	address   string // pod IP
	inbox     chan func()
	ended     chan struct{}
	end       func()
	grace     time.Duration

	// ----
	object     *corev1.Pod
	containers []*container
	mounted    map[string]payload
	tokens     map[string]string
	problem    error // why the containers cannot start yet
	stopping   bool
}

func newPod(n *Node, object *corev1.Pod) *pod {
	ended := make(chan struct{})
	p := &pod{
		node:      n,
		namespace: object.Namespace,
		dir:       filepath.Join(n.options.Dir, object.Namespace+"."+object.Name),
		address:   n.options.Block.NextPod(),
		inbox:     make(chan func(), 16),
		ended:     ended,
		end:       sync.OnceFunc(func() { close(ended) }),
		grace:     30 * time.Second,
		object:    object,
		mounted:   map[string]payload{},
		tokens:    map[string]string{},
	}
	if seconds := object.Spec.TerminationGracePeriodSeconds; seconds != nil {
		p.grace = time.Duration(*seconds) * time.Second
	}
	for _, spec := range object.Spec.Containers {
		p.containers = append(p.containers, &container{spec: spec})
	}
	return p
}

// post sends a function to the goroutine of run, which then syncs the pod.
func (p *pod) post(f func()) {
	select {
	case p.inbox <- f:
	case <-p.ended:
	}
}

// run syncs the pod on every change, and once a second for retries.
func (p *pod) run(ctx context.Context) {
	defer func() {
		p.end()
		for _, c := range p.containers {
			c.kill()
		}
	}()
	due := time.NewTicker(time.Second)
	defer due.Stop()
	for {
		select {
		case f := <-p.inbox:
			f()
		case <-due.C:
		case <-p.ended:
			return
		case <-ctx.Done():
			return
		}
		p.sync(ctx)
	}
}

// sync takes the next step towards the pod's desired state.
func (p *pod) sync(ctx context.Context) {
	phase := p.object.Status.Phase
	switch {
	case p.object.DeletionTimestamp != nil:
		p.stop(ctx)
	case phase == corev1.PodSucceeded || phase == corev1.PodFailed:
	case p.object.Spec.NodeName == "":
		p.bind(ctx)
	default:
		p.start(ctx)
		p.report(ctx)
	}
}

// bind schedules the pod to the only node.
func (p *pod) bind(ctx context.Context) {
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: p.object.Name, UID: p.object.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: Name},
	}
	// On failure, run retries in a second.
	_ = p.node.client.CoreV1().Pods(p.namespace).Bind(ctx, binding, metav1.CreateOptions{})
}

func (p *pod) start(ctx context.Context) {
	if p.problem = os.MkdirAll(p.dir, 0o700); p.problem != nil {
		return
	}
	if p.problem = p.mountVolumes(ctx); p.problem != nil {
		return
	}
	for _, c := range p.containers {
		if c.mayStart(p.object.Spec.RestartPolicy) {
			c.waiting = p.launch(ctx, c)
		}
	}
}

// stop stops the containers within their grace period, and then deletes the Pod object.
func (p *pod) stop(ctx context.Context) {
	grace := time.Duration(*p.object.DeletionGracePeriodSeconds) * time.Second
	running := false
	for _, c := range p.containers {
		if c.process == nil {
			continue
		}
		running = true
		if !p.stopping {
			go c.stop(c.process, grace)
		}
	}
	p.stopping = true
	if running {
		return // its exit calls sync again
	}
	now := int64(0)
	_ = p.node.client.CoreV1().Pods(p.namespace).Delete(ctx, p.object.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now,
		Preconditions:      &metav1.Preconditions{UID: &p.object.UID},
	})
}
