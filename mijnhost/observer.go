package mijnhost

import "time"

// Observer is told what the client does, for metrics. Its methods are called
// from many goroutines at once and must not block. No argument ever holds a key,
// a name or a value.
type Observer interface {
	// CallStarted and CallEnded surround each attempt to reach the API. The status
	// is the HTTP status, the one in the body where that tells of a failure, or 0
	// where no answer came.
	CallStarted()
	CallEnded(op Operation, status int, took time.Duration)
	// Retried tells that an attempt failed and another one follows.
	Retried(op Operation)
	// CooledDown tells that a 429 quiets all calls of one key for that long.
	CooledDown(pause time.Duration)
	// SiblingRestored tells that the value of another challenge, which PATCH has replaced
	// or may have, was put back.
	SiblingRestored()
	// ForeignAtRisk tells that a value which nobody here presented stood under
	// a challenge's name while PATCH may replace it.
	ForeignAtRisk()
}

// unobserved is the Observer of those who want none.
type unobserved struct{}

func (unobserved) CallStarted()                            {}
func (unobserved) CallEnded(Operation, int, time.Duration) {}
func (unobserved) Retried(Operation)                       {}
func (unobserved) CooledDown(time.Duration)                {}
func (unobserved) SiblingRestored()                        {}
func (unobserved) ForeignAtRisk()                          {}
