package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

const (
	// reachableFor and unreachableFor are how long a result is reused, because anyone can probe as often as they like.
	reachableFor   = 10 * time.Second
	unreachableFor = time.Second
	// tolerance is how long the Kubernetes API may be unreachable. Rollouts and leader elections take less.
	tolerance = 30 * time.Second
	// requestTimeout is below the usual timeout of a probe.
	requestTimeout = 3 * time.Second
)

// reachability is a readiness check that fails while the Kubernetes API is unreachable, because the webhook cannot read Secrets
// then. It does not depend on the DNS hosts: their outage would make the APIService unavailable, hide the error from Challenges,
// and break discovery in the whole cluster.
type reachability struct {
	ask func(context.Context) error
	log logr.Logger

	mu       sync.Mutex
	answered time.Time // last success
	askAgain time.Time
	lastErr  error // of the last attempt
	lost     bool  // as last logged
}

func newReachability(config *rest.Config) (*reachability, error) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to the Kubernetes API: %w", err)
	}
	return &reachability{log: klog.Background(), ask: func(ctx context.Context) error {
		return client.RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}}, nil
}

// Name is the name of the check in `/readyz?verbose`.
func (r *reachability) Name() string { return "kubernetes-api" }

// Check returns an error if the Kubernetes API has been unreachable for 30 s. It reuses a recent result.
func (r *reachability) Check(req *http.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !time.Now().Before(r.askAgain) {
		r.refresh(req.Context())
	}
	lost := time.Since(r.answered) > tolerance
	r.logChange(lost)
	if lost {
		return errors.New("cannot reach the Kubernetes API")
	}
	return nil
}

// logChange logs once when readiness changes.
func (r *reachability) logChange(lost bool) {
	switch {
	case lost && !r.lost:
		r.log.Error(r.lastErr, "Not ready: Kubernetes API unreachable")
	case !lost && r.lost:
		r.log.Info("Ready again: Kubernetes API reachable")
	}
	r.lost = lost
}

// refresh ignores the cancellation of the probe, because the next probe uses the result.
func (r *reachability) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	err := r.ask(ctx)
	now := time.Now()
	r.lastErr = err
	if err != nil {
		r.askAgain = now.Add(unreachableFor)
		return
	}
	r.answered, r.askAgain = now, now.Add(reachableFor)
}

// frontProxyKnown is a readiness check that fails until the CA that authenticates the API server is loaded. Without it all calls
// are unauthorized, and the server does not wait for its ConfigMap.
func frontProxyKnown(ca dynamiccertificates.CAContentProvider) healthz.HealthChecker {
	return healthz.NamedCheck("front-proxy-ca", func(*http.Request) error {
		if _, known := ca.VerifyOptions(); !known {
			return errors.New("front-proxy CA not loaded yet")
		}
		return nil
	})
}
