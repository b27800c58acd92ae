// Package leasetest is a Kubernetes API over HTTP that serves only Leases.
package leasetest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// Cluster is the Kubernetes API.
type Cluster struct {
	*hosttest.Listener

	mu      sync.Mutex
	leases  map[string]*coordinationv1.Lease // by namespace and name
	version int
	fault   func(Request) Fault
	counts  map[string]int
}

// Request is one call of the API.
type Request struct {
	Method, Namespace, Name string
	// Releases: the call is an update that removes the holder.
	Releases bool
}

// Fault is a fault of a call. The zero value is none.
type Fault struct {
	// Status is returned instead of running the call.
	Status int
	// Late delays the response after the call has taken effect.
	Late time.Duration
	// Then runs before the call takes effect.
	Then func()
}

// Start starts a cluster on the loopback interface.
func Start(tb hosttest.TB) *Cluster {
	tb.Helper()
	c := newCluster()
	if err := c.Listen("127.0.0.1:0", "", nil, c, nil); err != nil {
		tb.Fatalf("leasetest: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

// StartInMemory starts a cluster for a testing/synctest bubble.
func StartInMemory(tb hosttest.TB) *Cluster {
	tb.Helper()
	c := newCluster()
	c.ListenInMemory("kubernetes.test", nil, c)
	tb.Cleanup(c.Close)
	return c
}

func newCluster() *Cluster {
	return &Cluster{
		Listener: hosttest.NewListener(), leases: map[string]*coordinationv1.Lease{}, fault: func(Request) Fault { return Fault{} },
		counts: map[string]int{},
	}
}

// Config returns the client config for the cluster. wrap wraps the transport; may be nil.
func (c *Cluster) Config(wrap func(http.RoundTripper) http.RoundTripper) *rest.Config {
	var transport http.RoundTripper = c.HTTPTransport()
	if wrap != nil {
		transport = wrap(transport)
	}
	return &rest.Config{Host: c.Origin(), Transport: transport, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
}

// Inject sets the faults of later calls; nil means none.
func (c *Cluster) Inject(fault func(Request) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if fault == nil {
		fault = func(Request) Fault { return Fault{} }
	}
	c.fault = fault
}

// Leases returns all Leases.
func (c *Cluster) Leases() []*coordinationv1.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*coordinationv1.Lease
	for _, l := range c.leases {
		all = append(all, l.DeepCopy())
	}
	return all
}

// Calls returns the number of calls of a method.
func (c *Cluster) Calls(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[method]
}

// Change changes every Lease, as another client would.
func (c *Cluster) Change(change func(*coordinationv1.Lease)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.leases {
		change(l)
		c.version++
		l.ResourceVersion = strconv.Itoa(c.version)
	}
}

// ServeHTTP answers as the Kubernetes API does.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/apis/coordination.k8s.io/v1/namespaces/"), "/")
	if len(path) < 2 || path[1] != "leases" {
		refuse(w, apierrors.NewNotFound(schema.GroupResource{}, r.URL.Path))
		return
	}
	request := Request{Method: r.Method, Namespace: path[0]}
	if len(path) == 3 {
		request.Name = path[2]
	}
	var sent coordinationv1.Lease
	var options metav1.DeleteOptions
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		_ = json.NewDecoder(r.Body).Decode(&options)
	default:
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			refuse(w, apierrors.NewBadRequest(err.Error()))
			return
		}
		request.Name = sent.Name
		request.Releases = sent.Spec.HolderIdentity == nil || *sent.Spec.HolderIdentity == ""
	}
	c.mu.Lock()
	c.counts[r.Method]++
	fault := c.fault(request)
	c.mu.Unlock()
	if fault.Then != nil {
		fault.Then()
	}
	if fault.Status != 0 {
		refuse(w, apierrors.NewGenericServerResponse(fault.Status, r.Method, schema.GroupResource{Resource: "leases"}, request.Name, "", 0, true))
		return
	}
	lease, err := c.perform(request, &sent, options)
	if !c.Pause(r, fault.Late) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	send(w, http.StatusOK, lease)
}

func (c *Cluster) perform(r Request, sent *coordinationv1.Lease, o metav1.DeleteOptions) (*coordinationv1.Lease, *apierrors.StatusError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resource := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	key := r.Namespace + "/" + r.Name
	current, found := c.leases[key]
	switch {
	case r.Method == http.MethodPost && found:
		return nil, apierrors.NewAlreadyExists(resource, r.Name)
	case r.Method == http.MethodPost:
		sent.UID = types.UID("uid-" + strconv.Itoa(c.version))
		sent.CreationTimestamp = metav1.Now()
	case !found:
		return nil, apierrors.NewNotFound(resource, r.Name)
	case r.Method == http.MethodGet:
		return current.DeepCopy(), nil
	case r.Method == http.MethodDelete:
		if p := o.Preconditions; p != nil && (p.UID != nil && *p.UID != current.UID || p.ResourceVersion != nil && *p.ResourceVersion != current.ResourceVersion) {
			return nil, apierrors.NewConflict(resource, r.Name, errors.New("it was changed"))
		}
		delete(c.leases, key)
		return current, nil
	case sent.ResourceVersion != "" && sent.ResourceVersion != current.ResourceVersion:
		return nil, apierrors.NewConflict(resource, r.Name, errors.New("it was changed"))
	}
	c.version++
	sent.ResourceVersion = strconv.Itoa(c.version)
	c.leases[key] = sent.DeepCopy()
	return sent, nil
}

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	send(w, int(err.ErrStatus.Code), err.ErrStatus)
}

func send(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object)
}
