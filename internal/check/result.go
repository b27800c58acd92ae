package check

// Result is what a check found. It is what --output json prints; docs/reference/check.md describes it for its readers.
// It holds no API key and no IP address.
type Result struct {
	// Version is the version of the program, and Commit what it was built from.
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	// Name is the DNS name that was asked about, without "*.".
	Name string `json:"name"`
	// Wildcard tells that it was asked about as "*.name".
	Wildcard bool `json:"wildcard"`
	// Domain is the domain of the account in which its challenges are answered; empty if none was found.
	Domain string `json:"domain,omitempty"`
	// Outcome sums up the steps.
	Outcome Outcome `json:"outcome"`
	// Steps are in the order in which they were taken. Those that could not be reached are left out.
	Steps []Step `json:"steps"`
	// Addresses has the answer of each address of each nameserver. It names no IP address.
	Addresses []Address `json:"addresses,omitempty"`
	// Nameservers tells when each of them served the probe record.
	Nameservers []Nameserver `json:"nameservers,omitempty"`
	// API is how the API behaved; nil where nothing was written.
	API Behaviour `json:"api,omitempty"`
	// LeftBehind is the name of the probe record, if it may still be in the zone.
	LeftBehind string `json:"leftBehind,omitempty"`
	// Notes are remarks that are no step of their own.
	Notes []string `json:"notes,omitempty"`
	// APICalls is how many requests were sent to the API.
	APICalls int64 `json:"apiCalls"`

	host string
}

// Outcome sums a Result up.
type Outcome string

// The outcomes, each with its exit code.
const (
	Well    Outcome = "well"    // 0
	Trouble Outcome = "problem" // 1
	Unclear Outcome = "unknown" // 2
)

// ExitCode is what the process should exit with.
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

// Step is one thing that was looked at.
type Step struct {
	ID      StepID `json:"id"`
	Status  Status `json:"status"`
	Summary string `json:"summary"`
	// Remedy is what to do about a problem, or about an inconclusive step.
	Remedy string `json:"remedy,omitempty"`
}

// StepID names a step for programs. It does not change from version to version.
type StepID string

// The steps, in the order in which they are taken.
const (
	StepIssuer      StepID = "issuer"      // the Issuer can be used
	StepSolver      StepID = "solver"      // one of its solvers matches the name
	StepWebhook     StepID = "webhook"     // its group and its solver name exist
	StepConfig      StepID = "config"      // its config is valid
	StepAccess      StepID = "access"      // the webhook may read the Secret
	StepPending     StepID = "pending"     // no Order or Challenge blocks the name
	StepKey         StepID = "key"         // the API accepts the key
	StepResolution  StepID = "resolution"  // a resolver answers, with DNSSEC
	StepChallenge   StepID = "challenge"   // where a CNAME of _acme-challenge leads
	StepAllowed     StepID = "allowed"     // the webhook may write there
	StepDomain      StepID = "domain"      // the account has the domain
	StepManaged     StepID = "managed"     // its DNS is at the host
	StepRecords     StepID = "records"     // an update of the zone takes them all; where a host replaces whole zones
	StepValues      StepID = "values"      // which TXT values stand under the challenge's name
	StepRemoveValue StepID = "removeValue" // the value that --remove-value names is removed
	StepWildcard    StepID = "wildcard"    // a wildcard answers for the name, and will not while a challenge is in progress
	StepDelegation  StepID = "delegation"  // the world asks the account's nameservers
	StepServers     StepID = "servers"     // each address of each nameserver answers
	StepCAA         StepID = "caa"         // the CA may issue
	StepWrite       StepID = "write"       // a probe record can be written
	StepRead        StepID = "read"        // the API shows it
	StepNameservers StepID = "nameservers" // each nameserver serves it
	StepRemove      StepID = "remove"      // it is removed
)

// Status is how a step ended.
type Status string

// The statuses. Skipped is on purpose, and no reason for doubt.
const (
	OK      Status = "ok"
	Problem Status = "problem"
	Unknown Status = "unknown"
	Skipped Status = "skipped"
)

// Nameserver is what was seen of one nameserver of the domain.
type Nameserver struct {
	Name string `json:"name"`
	// Seconds is when it first served the probe record, counted from the write; nil for never.
	Seconds *float64 `json:"seconds"`
	// Fault is what was wrong with its last answer, in words, if it did not serve the record.
	Fault string `json:"fault,omitempty"`
	// Silent tells that it gave no answer at all.
	Silent bool `json:"silent,omitempty"`
}

// Address is one address of a nameserver.
type Address struct {
	// Server is the nameserver, with the family and the position of the address if it has several.
	Server string `json:"server"`
	// Took is how long its answer took, in seconds; absent if there was none.
	Took float64 `json:"took,omitempty"`
	// Error says why there was no answer.
	Error string `json:"error,omitempty"`
	// Slow reports whether it took a second or more.
	Slow bool `json:"slow,omitempty"`
}

// outcome is a problem if any step found one, and else unknown if any step could not tell.
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
