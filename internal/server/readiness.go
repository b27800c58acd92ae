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
	// reachableFor and unreachableFor are how long a result is reused. Probes are frequent and need no credentials.
	reachableFor   = 10 * time.Second
	unreachableFor = time.Second
	// tolerance is how long the Kubernetes API may be unreachable. A rollout or a leader election takes less.
	tolerance = 30 * time.Second
	// askTime is below the timeout of any usual probe.
	askTime = 3 * time.Second
)

// reachability is a readiness check: it fails while the Kubernetes API is unreachable, because no Secret can be read then. It
// does not depend on the DNS hosts: otherwise their outage would make the APIService unavailable, which would hide the error
// from Challenges and break discovery in the whole cluster.
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
	lost := r.answered.IsZero() || time.Since(r.answered) > tolerance
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
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

// frontProxyKnown is a readiness check: it fails until the CA that authenticates the API server has been loaded. It comes from a
// ConfigMap for which the server does not wait, and until then all calls would be unauthorized.
func frontProxyKnown(ca dynamiccertificates.CAContentProvider) healthz.HealthChecker {
	return healthz.NamedCheck("front-proxy-ca", func(*http.Request) error {
		if _, known := ca.VerifyOptions(); !known {
			return errors.New("front-proxy CA not loaded yet")
		}
		return nil
	})
}
