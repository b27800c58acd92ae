package kubelease

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// releaseTimeout limits all calls of Release together.
const releaseTimeout = 2 * time.Second

// held is a Lease that this process has.
type held struct {
	leases  *Leases
	current *coordinationv1.Lease // as last returned by the Kubernetes API
	end     time.Time
	lost    bool
}

// Notes implements keylock.Lease.
func (h *held) Notes() string { return h.current.Annotations[annotationNotes] }

// Renew implements keylock.Lease. The time counts from before the request, so that this process never believes in a Lease that
// others consider expired.
func (h *held) Renew(ctx context.Context, notes string) error {
	if h.lost {
		return keylock.ErrLost
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	updated, err := h.leases.leases().Update(ctx, h.leases.renewed(h.current, start, notes), metav1.UpdateOptions{})
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		h.lost = true
		return keylock.ErrLost
	case err != nil:
		h.lost = true
		return ErrUnavailable
	}
	h.current, h.end = updated, start.Add(Duration)
	return nil
}

// Left implements keylock.Lease. It also uses the wall clock, because the monotonic clock may stop while a machine sleeps.
func (h *held) Left() time.Duration {
	return min(time.Until(h.end), h.end.Round(0).Sub(time.Now().Round(0)))
}

// Release implements keylock.Lease.
func (h *held) Release(notes string) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	if h.lost && !h.recovered(ctx) {
		return
	}
	released, err := h.leases.leases().Update(ctx, h.leases.released(h.current, notes), metav1.UpdateOptions{})
	if err == nil {
		h.leases.expireLater(released)
	}
}

// recovered reports whether this process still has a Lease whose renewal failed.
func (h *held) recovered(ctx context.Context) bool {
	current, err := h.leases.leases().Get(ctx, h.current.Name, metav1.GetOptions{})
	if err != nil || current.Spec.HolderIdentity == nil || *current.Spec.HolderIdentity != h.leases.identity {
		return false
	}
	h.current = current
	return true
}

// giveBack releases a Lease that was acquired too late. h may be nil.
func (h *held) giveBack() {
	if h != nil {
		h.Release(h.Notes())
	}
}
