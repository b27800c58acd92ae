// Package kubelease locks keys across the processes of a cluster with Leases of the Kubernetes API. It does not compare the
// clocks of different machines: a process takes over a Lease once it has seen it unchanged for its whole duration.
package kubelease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

const (
	// Duration is how long a Lease lasts without renewal.
	Duration = 30 * time.Second
	// keepFor is how long an unused Lease is kept for its notes.
	keepFor = time.Hour

	callTimeout = 5 * time.Second
	pollEvery   = 400 * time.Millisecond
	// maxFailures in a row end an attempt to acquire a Lease.
	maxFailures = 3
)

// Errors of Acquire. Their texts are constant.
var (
	ErrNoNamespace = errors.New("--lease-namespace or POD_NAMESPACE is required for Leases")
	ErrForbidden   = errors.New("the webhook is not allowed to get, create and update Leases in its --lease-namespace")
	ErrUnavailable = errors.New("cannot read or write the Lease in the Kubernetes API")
	ErrNotStarted  = errors.New("the webhook is still starting")
)

// Leases are the Leases of one process in one namespace. They are safe for concurrent use.
type Leases struct {
	namespace, identity string
	client              atomic.Pointer[coordination.CoordinationV1Client] // nil until Connect

	mu       sync.Mutex
	observed map[string]observation
	expiry   map[string]*time.Timer
}

// observation is the time since which another process's Lease has not changed.
type observation struct {
	version string
	since   time.Time
}

// New returns the Leases of a namespace. The identity of the process is random.
func New(namespace string) *Leases {
	host, err := os.Hostname()
	if err != nil {
		host = "webhook"
	}
	return &Leases{
		namespace: namespace, identity: host + "_" + rand.Text(),
		observed: map[string]observation{}, expiry: map[string]*time.Timer{},
	}
}

// Connect sets the Kubernetes API to use. Until then Acquire returns ErrNotStarted.
func (l *Leases) Connect(config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.QPS = -1 // see solver.Initialize
	client, err := coordination.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the Kubernetes API: %w", err)
	}
	l.client.Store(client)
	return nil
}

// Acquire waits for the Lease of key. Within a process, only one caller at a time may acquire or hold a key.
func (l *Leases) Acquire(ctx context.Context, key string) (keylock.Lease, error) {
	switch {
	case l.namespace == "":
		return nil, ErrNoNamespace
	case l.client.Load() == nil:
		return nil, ErrNotStarted
	}
	name := nameOf(key)
	for failures := 0; ; {
		held, err := l.try(ctx, name, key)
		switch {
		case ctx.Err() != nil:
			held.giveBack() //nolint:contextcheck // ctx is done
			return nil, ctx.Err()
		case held != nil:
			return held, nil
		case apierrors.IsForbidden(err):
			return nil, ErrForbidden
		case err != nil:
			failures++
			if failures == maxFailures {
				return nil, ErrUnavailable
			}
		default:
			failures = 0
		}
		if err := pause(ctx, jittered(pollEvery)); err != nil {
			return nil, err
		}
	}
}

// try returns nil and no error if another process has the Lease.
func (l *Leases) try(ctx context.Context, name, key string) (*held, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	current, err := l.leases().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		current, err = l.leases().Create(ctx, l.newLease(name, key, start), metav1.CreateOptions{})
	case err != nil:
		return nil, err
	case !l.isFree(current, start):
		return nil, nil
	default:
		current, err = l.leases().Update(ctx, l.taken(current, start), metav1.UpdateOptions{})
	}
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return nil, nil // another process was faster
	case err != nil:
		return nil, err
	}
	l.forget(name)
	return &held{leases: l, current: current, end: start.Add(Duration)}, nil
}

func (l *Leases) leases() coordination.LeaseInterface { return l.client.Load().Leases(l.namespace) }

// isFree reports whether the Lease has no holder, has not changed for its duration, or already belongs to this process because
// the response to an earlier attempt was lost.
func (l *Leases) isFree(lease *coordinationv1.Lease, now time.Time) bool {
	holder := lease.Spec.HolderIdentity
	if holder == nil || *holder == "" || *holder == l.identity {
		return true
	}
	duration := Duration
	if seconds := lease.Spec.LeaseDurationSeconds; seconds != nil {
		duration = time.Duration(*seconds) * time.Second
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seen, ok := l.observed[lease.Name]
	if !ok || seen.version != lease.ResourceVersion {
		l.observed[lease.Name] = observation{lease.ResourceVersion, now}
		return false
	}
	return now.Sub(seen.since) >= duration
}

func (l *Leases) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.observed, name)
}

// expireLater deletes the Lease after an hour, unless it changes before.
func (l *Leases) expireLater(lease *coordinationv1.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, uid, version := lease.Name, lease.UID, lease.ResourceVersion
	if timer, ok := l.expiry[name]; ok {
		timer.Stop()
	}
	l.expiry[name] = time.AfterFunc(keepFor, func() {
		l.mu.Lock()
		delete(l.expiry, name)
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		// If this fails, a Lease without a holder remains, which is harmless.
		_ = l.leases().Delete(ctx, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	})
}
