package keylock

import (
	"context"
	"errors"
	"time"
)

// ErrLost means that another process has or may have the Lease. The holder must stop.
var ErrLost = errors.New("lost the Lease to another process")

// Lease is a lock across processes with an expiry. It is not safe for concurrent use.
type Lease interface {
	// Notes returns the text that the last holder stored, or "".
	Notes() string
	// Renew extends the Lease and stores notes. After an error the Lease counts as lost.
	Renew(ctx context.Context, notes string) error
	// Left returns the time until the Lease expires, which is negative afterwards.
	Left() time.Duration
	// Release stores notes and gives up the Lease. It returns within seconds. If it fails, the Lease expires.
	Release(notes string)
}
