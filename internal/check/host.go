package check

import (
	"context"

	"github.com/spf13/pflag"
)

// Host is a DNS host, as far as a check of it differs from that of others.
type Host interface {
	// Name is what people call it, such as mijn.host.
	Name() string
	// Provider is the name of its solver, such as mijn-host.
	Provider() string
	// Risk says what can go wrong when a probe record is written, in a sentence. Then one is written only if --write asks for
	// it. Empty: one is written unless --read-only forbids it.
	Risk() string
	// Key says which key it wants.
	Key() Key
	// AddFlags adds the flags that are its own, each with the name that it has for the webhook's server, or one that begins
	// with the host's.
	AddFlags(flags *pflag.FlagSet)
	// Validate tells what is wrong with those flags.
	Validate() error
	// Open takes a key into use. Nothing is asked yet.
	Open(key string) Account
}

// Key says what people have to know to get a host's key to the check.
type Key struct {
	// Variable is the environment variable that can hold it, and From where people get it.
	Variable, From string
}

// Account is what an API key opens. Its methods but Calls end the steps that they take by Check.Step.
type Account interface {
	// Domains takes StepKey: whether the API accepts the key, which comes from origin. The domains are bare and in ASCII, and
	// the list can be cut short.
	Domains(ctx context.Context, c *Check, origin string) (domains []string, accepted bool)
	// Unlisted asks for each parent of a bare name, the longest first, and returns the first that is a domain of the account;
	// empty if none is.
	Unlisted(ctx context.Context, name string) (domain string, err error)
	// Managed takes StepManaged: whether the domain's records are at the host. The nameservers are those that the host
	// says it should be delegated to, if it says so.
	Managed(ctx context.Context, c *Check, domain string) (nameservers []string, managed bool)
	// Records are those of a domain that Managed has found to be at the host, as it has read them.
	Records(domain string) []ZoneRecord
	// RemoveValue removes one TXT value under a bare name of the domain, and nothing else.
	RemoveValue(ctx context.Context, c *Check, domain, name, value string) error
	// Probe takes StepWrite, StepRead, StepNameservers and StepRemove. It removes what it wrote, also when ctx is done.
	Probe(ctx context.Context, c *Check, p Probe)
	// Calls is how many requests were sent so far.
	Calls() int64
}

// ZoneRecord is a record of a zone.
type ZoneRecord struct {
	// Name is bare.
	Name, Type string
	// Text is the value of a TXT record.
	Text string
}

// Probe says what is to be written for a probe.
type Probe struct {
	Domain string
	// TTL is in seconds.
	TTL int
	// Nameservers should come to serve it.
	Nameservers []string
}

// Behaviour is what was measured of a host's API on the probe record. It is a part of the report in JSON.
type Behaviour interface {
	// Sentences reads it out.
	Sentences() []string
}
