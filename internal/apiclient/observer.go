package apiclient

import "time"

// Observer sees what a client does, for metrics. Its methods are called from many goroutines at once and must not
// block. No argument holds a key, a name or a value.
type Observer interface {
	// CallStarted and CallEnded surround each attempt. The status is the HTTP status, the one in the body if that is a
	// failure, or 0 if no answer came.
	CallStarted()
	CallEnded(op Operation, status int, took time.Duration)
	// Retried: an attempt failed and another one follows.
	Retried(op Operation)
	// CooledDown: a 429 pauses all calls of one key.
	CooledDown(pause time.Duration)
}

type unobserved struct{}

func (unobserved) CallStarted()                            {}
func (unobserved) CallEnded(Operation, int, time.Duration) {}
func (unobserved) Retried(Operation)                       {}
func (unobserved) CooledDown(time.Duration)                {}
