package check

// Result is the result of a check, as --output json prints it. docs/reference/check.md describes it.
// It contains no API key and no IP address.
type Result struct {
	// Version and Commit identify the build.
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Name is the checked DNS name without "*.".
	Name string `json:"name"`
	// Wildcard reports whether it was given as "*.name".
	Wildcard bool `json:"wildcard"`
	// Domain is the account's domain for its challenges; empty if none was found.
	Domain string `json:"domain,omitempty"`
	// Outcome summarizes the steps.
	Outcome Outcome `json:"outcome"`
	// Steps are in order, without those that were not reached.
	Steps []Step `json:"steps"`
	// Addresses has the response of each nameserver address, without the IP address itself.
	Addresses []Address `json:"addresses,omitempty"`
	// Nameservers has the time until each of them served the probe record.
	Nameservers []Nameserver `json:"nameservers,omitempty"`
	// API is the measured behaviour of the API; nil if nothing was written.
	API Behaviour `json:"api,omitempty"`
	// LeftBehind is the name of the probe record, if it may still be in the zone.
	LeftBehind string `json:"leftBehind,omitempty"`
	// Notes are remarks that belong to no step.
	Notes []string `json:"notes,omitempty"`
	// APICalls is the number of requests to the API.
	APICalls int64 `json:"apiCalls"`

	host string
}

// Outcome summarizes a Result.
type Outcome string

// The outcomes, each with its exit code.
const (
	Well    Outcome = "well"    // 0
	Trouble Outcome = "problem" // 1
	Unclear Outcome = "unknown" // 2
)

// ExitCode returns the exit code of the process.
func (o Outcome) ExitCode() int {
	switch o {
	case Well:
		return 0
	case Trouble:
		return 1
	default:
		return 2
	}
}

// Step is the result of one step.
type Step struct {
	ID      StepID `json:"id"`
	Status  Status `json:"status"`
	Summary string `json:"summary"`
	// Remedy is the fix for a problem or an inconclusive step.
	Remedy string `json:"remedy,omitempty"`
}

// StepID identifies a step. It does not change between versions.
type StepID string

// The steps, in order.
const (
	StepIssuer      StepID = "issuer"      // the Issuer can be used
	StepSolver      StepID = "solver"      // one of its solvers matches the name
	StepWebhook     StepID = "webhook"     // the solver's group and name exist
	StepConfig      StepID = "config"      // its config is valid
	StepAccess      StepID = "access"      // the webhook may read the Secret
	StepPending     StepID = "pending"     // no Order or Challenge blocks the name
	StepKey         StepID = "key"         // the API accepts the key
	StepResolution  StepID = "resolution"  // a resolver answers, with DNSSEC
	StepChallenge   StepID = "challenge"   // CNAMEs of _acme-challenge
	StepAllowed     StepID = "allowed"     // the webhook may write there
	StepDomain      StepID = "domain"      // the account has the domain
	StepManaged     StepID = "managed"     // its DNS is at the host
	StepRecords     StepID = "records"     // an update with all records is valid; for hosts that replace whole zones
	StepValues      StepID = "values"      // TXT values at the challenge's name
	StepRemoveValue StepID = "removeValue" // the value in --remove-value is removed
	StepWildcard    StepID = "wildcard"    // the name resolves only through a wildcard, and not during a challenge
	StepDelegation  StepID = "delegation"  // the domain is delegated to the account's nameservers
	StepServers     StepID = "servers"     // each address of each nameserver answers
	StepCAA         StepID = "caa"         // the CA may issue
	StepWrite       StepID = "write"       // a probe record can be written
	StepRead        StepID = "read"        // the API shows it
	StepNameservers StepID = "nameservers" // each nameserver serves it
	StepRemove      StepID = "remove"      // it is removed
)

// Status is the result of a step.
type Status string

// The statuses. A Skipped step was skipped on purpose and does not make the check inconclusive.
const (
	OK      Status = "ok"
	Problem Status = "problem"
	Unknown Status = "unknown"
	Skipped Status = "skipped"
)

// Nameserver is the result for one nameserver of the domain.
type Nameserver struct {
	Name string `json:"name"`
	// Seconds is the time from the write until it served the probe record; nil for never.
	Seconds *float64 `json:"seconds"`
	// Fault describes its last response if it did not serve the record.
	Fault string `json:"fault,omitempty"`
	// Silent reports whether it never answered.
	Silent bool `json:"silent,omitempty"`
}

// Address is one address of a nameserver.
type Address struct {
	// Server is the nameserver, with the family and the position of the address if it has several.
	Server string `json:"server"`
	// Took is its response time in seconds; 0 if it did not answer.
	Took float64 `json:"took,omitempty"`
	// Error is the reason if it did not answer.
	Error string `json:"error,omitempty"`
	// Slow reports whether it took a second or more.
	Slow bool `json:"slow,omitempty"`
}

// outcome returns Trouble if a step found a problem, else Unclear if a step was inconclusive.
func outcome(steps []Step) Outcome {
	o := Well
	for _, s := range steps {
		switch s.Status {
		case Problem:
			return Trouble
		case Unknown:
			o = Unclear
		case OK, Skipped:
		}
	}
	return o
}
