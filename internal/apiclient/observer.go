package apiclient

import "time"

// Observer receives events for metrics. Its methods are called concurrently and must not block. No argument contains a key, a
// name or a value.
type Observer interface {
	// CallStarted and CallEnded surround each attempt. The status is Error.Status, or 200.
	CallStarted()
	CallEnded(op Operation, status int, elapsed time.Duration)
	// Retried is called before each retry.
	Retried(op Operation)
	// CooledDown is called when a response pauses all calls of one key.
	CooledDown(pause time.Duration)
}

type unobserved struct{}

func (unobserved) CallStarted()                            {}
func (unobserved) CallEnded(Operation, int, time.Duration) {}
func (unobserved) Retried(Operation)                       {}
func (unobserved) CooledDown(time.Duration)                {}
