package kubelease

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	annotationKey   = "acme.mijn.host/lease-for"
	annotationNotes = "acme.mijn.host/notes"
	labelManagedBy  = "app.kubernetes.io/managed-by"
	managedBy       = "mijn-host-webhook"

	maxReadable = 60
)

// nameOf returns a valid and unique name for a key: its readable part and a hash.
func nameOf(key string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(key))
	readable = strings.ReplaceAll(readable[:min(len(readable), maxReadable)], ".", "-")
	sum := sha256.Sum256([]byte(key))
	return strings.Trim(readable, "-") + "-" + hex.EncodeToString(sum[:6])
}

func (l *Leases) newLease(name, key string, now time.Time) *coordinationv1.Lease {
	return l.taken(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Namespace: l.namespace, Name: name,
		Labels:      map[string]string{labelManagedBy: managedBy},
		Annotations: map[string]string{annotationKey: key},
	}}, now)
}

// taken returns the Lease with this process as its holder, and with its notes.
func (l *Leases) taken(lease *coordinationv1.Lease, now time.Time) *coordinationv1.Lease {
	next := lease.DeepCopy()
	seconds, at := int32(Duration/time.Second), metav1.NewMicroTime(now)
	var transitions int32
	if before := next.Spec.LeaseTransitions; before != nil {
		transitions = *before + 1
	}
	next.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &l.identity, LeaseDurationSeconds: &seconds, AcquireTime: &at, RenewTime: &at, LeaseTransitions: &transitions,
	}
	return next
}

func (l *Leases) renewed(lease *coordinationv1.Lease, now time.Time, notes string) *coordinationv1.Lease {
	next := withNotes(lease, notes)
	at := metav1.NewMicroTime(now)
	next.Spec.RenewTime = &at
	return next
}

func (l *Leases) released(lease *coordinationv1.Lease, notes string) *coordinationv1.Lease {
	next := withNotes(lease, notes)
	none := ""
	next.Spec.HolderIdentity = &none
	return next
}

func withNotes(lease *coordinationv1.Lease, notes string) *coordinationv1.Lease {
	next := lease.DeepCopy()
	if next.Annotations == nil {
		next.Annotations = map[string]string{}
	}
	next.Annotations[annotationNotes] = notes
	return next
}

// jittered varies a pause by a third, so that waiting processes do not poll in step.
func jittered(d time.Duration) time.Duration {
	return d*2/3 + rand.N(d*2/3) //nolint:gosec // not a secret
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
