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
	// answerHolds is how long the Kubernetes API is not asked again after it answered, and
	// silenceHolds after it did not: probes are frequent and need no credentials.
	answerHolds  = 10 * time.Second
	silenceHolds = time.Second
	// blip is how long its silence is borne. A rollout or a change of leader takes less.
	blip = 30 * time.Second
	// askTime is below the timeout of any sensible probe.
	askTime = 3 * time.Second
)

// reachability is a check of readiness: whether the Kubernetes API can be reached, without which no Secret
// can be read. mijn.host has no part in it. If it had, its outage would take the APIService down, which hides the
// reason from those who look at a Challenge, fails discovery in the whole cluster, and mends nothing.
type reachability struct {
	ask func(context.Context) error
	log logr.Logger

	mu       sync.Mutex
	answered time.Time // when it last did
	askAgain time.Time
	silent   error // why it did not answer the last time
	lost     bool  // readiness, as logged
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

// Name is what `/readyz?verbose` calls the check.
func (r *reachability) Name() string { return "kubernetes-api" }

// Check asks the Kubernetes API if it has not been asked lately.
func (r *reachability) Check(req *http.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !time.Now().Before(r.askAgain) {
		r.refresh(req.Context())
	}
	lost := r.answered.IsZero() || time.Since(r.answered) > blip
	r.logChange(lost)
	if lost {
		return errors.New("the Kubernetes API cannot be reached")
	}
	return nil
}

// logChange logs once when readiness is lost or comes back.
func (r *reachability) logChange(lost bool) {
	switch {
	case lost && !r.lost:
		r.log.Error(r.silent, "Not ready: the Kubernetes API does not answer this webhook")
	case !lost && r.lost:
		r.log.Info("Ready again: the Kubernetes API answers")
	}
	r.lost = lost
}

// refresh goes on where the one who probes has gone away: the next one will want the answer.
func (r *reachability) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	err := r.ask(ctx)
	now := time.Now()
	r.silent = err
	if err != nil {
		r.askAgain = now.Add(silenceHolds)
		return
	}
	r.answered, r.askAgain = now, now.Add(answerHolds)
}

// frontProxyKnown is a check of readiness: whether the CA is known by whose certificates the API server is recognised. It
// comes from a ConfigMap, for which serving does not wait; until then every call would be refused as one of nobody's.
func frontProxyKnown(ca dynamiccertificates.CAContentProvider) healthz.HealthChecker {
	return healthz.NamedCheck("front-proxy-ca", func(*http.Request) error {
		if _, known := ca.VerifyOptions(); !known {
			return errors.New("the CA of the API server's calls is not known yet")
		}
		return nil
	})
}
