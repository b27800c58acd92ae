package solver

import "time"

// Action is a call that cert-manager makes for a challenge.
type Action string

// The two actions of a DNS-01 challenge.
const (
	ActionPresent Action = "present"
	ActionCleanUp Action = "cleanup"
)

// Result is the outcome of a call.
type Result string

// ResultGivenUp is a clean-up that can never succeed. A record may be left behind. cert-manager gets success, so that it
// deletes the Challenge.
const (
	ResultSuccess Result = "success"
	ResultError   Result = "error"
	ResultGivenUp Result = "given_up"
)

// Observer receives the outcome of each call, for metrics. Its methods must be safe for concurrent use and must not block.
type Observer interface {
	// ChallengeAnswered reports the outcome of one call from cert-manager. The domain is the account's at the DNS host,
	// or empty if none was found.
	ChallengeAnswered(action Action, result Result, domain string, duration time.Duration)
	// ValuesPresented reports a change in the number of values that this process has presented and not yet cleaned up.
	ValuesPresented(change int)
}

// unobserved is the default Observer.
type unobserved struct{}

func (unobserved) ChallengeAnswered(Action, Result, string, time.Duration) {}
func (unobserved) ValuesPresented(int)                                     {}
