package solver

import "time"

// Action is what cert-manager asks for.
type Action string

// The two actions of a DNS-01 challenge.
const (
	ActionPresent Action = "present"
	ActionCleanUp Action = "cleanup"
)

// Result is what became of a challenge.
type Result string

// What can become of it. A clean-up is given up where nothing can ever do it: a record may be left behind then,
// and cert-manager is told that all is well.
const (
	ResultSuccess Result = "success"
	ResultError   Result = "error"
	ResultGivenUp Result = "given_up"
)

// Observer is told what becomes of challenges, for metrics. Its methods are called from
// many goroutines at once and must not block.
type Observer interface {
	// ChallengeAnswered tells the outcome of each call of cert-manager. The domain is the one of the account
	// at the DNS host, empty where it was not found.
	ChallengeAnswered(action Action, result Result, domain string, took time.Duration)
	// ValuesPresented tells how many more, or with a minus how many fewer, values of this
	// process are presented and not yet cleaned up.
	ValuesPresented(change int)
}

// unobserved is the Observer of those who want none.
type unobserved struct{}

func (unobserved) ChallengeAnswered(Action, Result, string, time.Duration) {}
func (unobserved) ValuesPresented(int)                                     {}
