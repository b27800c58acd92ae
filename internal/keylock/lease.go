package keylock

import (
	"context"
	"errors"
	"time"
)

// ErrLost means that another process has the Lease, or may have it. Its holder must stop.
var ErrLost = errors.New("lost the Lease to another process")

// Lease is a lock across processes with an expiry. It is not safe for concurrent use.
type Lease interface {
	// Notes returns the text that the last holder left; "" at first.
	Notes() string
	// Renew restarts the time of the Lease and stores notes. After an error the Lease counts as lost.
	Renew(ctx context.Context, notes string) error
	// Left returns the time until the Lease expires. It is negative after that.
	Left() time.Duration
	// Release stores notes and gives the Lease up, within seconds. If that fails, the Lease expires.
	Release(notes string)
}
