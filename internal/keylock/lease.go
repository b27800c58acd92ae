package keylock

import (
	"context"
	"errors"
	"time"
)

// ErrLost means that somebody else has the Lease now, or may have it. Its holder must stop.
var ErrLost = errors.New("lost the Lease to another process")

// Lease is a lock across processes, held for a while. It is for one goroutine at a time.
type Lease interface {
	// Notes are what the last holder left for the next one. They are empty at first.
	Notes() string
	// Renew begins the time of the Lease anew, and keeps notes with it. After an error the Lease counts as lost.
	Renew(ctx context.Context, notes string) error
	// Left is how much of its time is left. It is negative for a process that slept past its end.
	Left() time.Duration
	// Release keeps notes and gives the Lease up. It takes little time, and a Lease that cannot be given up ends by itself.
	Release(notes string)
}
