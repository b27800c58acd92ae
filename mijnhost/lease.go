package mijnhost

import (
	"context"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// Leases lets one process of the cluster at a time write under a name.
type Leases interface {
	// Acquire waits for the Lease of key.
	Acquire(ctx context.Context, key string) (keylock.Lease, error)
}

// lastWrite is what the Lease of a name says of the last PATCH there, by any process of the cluster: a read may not show
// its value yet.
type lastWrite struct {
	fingerprint string
	at          time.Time
}

// noteOf is the note of a PATCH of value, which is sent after the note.
func noteOf(value string) string {
	return dnshost.Fingerprint(value) + " " + time.Now().UTC().Format(time.RFC3339)
}

// readNote is the reverse of noteOf. A note that it cannot read is none.
func readNote(note string) lastWrite {
	fingerprint, stamp, _ := strings.Cut(note, " ")
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return lastWrite{}
	}
	return lastWrite{fingerprint, at}
}

// isOf reports whether the write was of value.
func (w lastWrite) isOf(value string) bool {
	return w.fingerprint != "" && w.fingerprint == dnshost.Fingerprint(value)
}

// isRecent reports whether a read may not show the write yet.
func (w lastWrite) isRecent() bool { return time.Since(w.at) <= staleReads }
