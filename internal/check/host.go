package check

import (
	"context"

	"github.com/spf13/pflag"
)

// Host is a DNS host.
type Host interface {
	// Name is its name in messages, such as mijn.host.
	Name() string
	// Provider is the name of its solver, such as mijn-host.
	Provider() string
	// Risk describes the risk of writing a probe record in one sentence. If it is not empty, the probe requires --write. Otherwise
	// the check writes a probe record unless --read-only is set.
	Risk() string
	// Key describes its API key.
	Key() Key
	// AddFlags adds its flags. Their names are those of the server's flags, or have the host's name as a prefix.
	AddFlags(flags *pflag.FlagSet)
	// Validate returns an error if one of these flags is invalid.
	Validate() error
	// Open returns the account of a key. It sends no request.
	Open(key string) Account
}

// Key describes a host's API key.
type Key struct {
	// Variable is the environment variable that can hold it. From says where to get one.
	Variable, From string
}

// Account is the account of an API key. Its methods report their steps through Check.Step.
type Account interface {
	// Domains reports StepKey: whether the API accepts the key from origin. The domains are bare and in ASCII. The list can be
	// incomplete.
	Domains(ctx context.Context, c *Check, origin string) (domains []string, accepted bool)
	// Unlisted looks up each parent of a bare name, the longest first, and returns the first that is a domain of the account, or "".
	Unlisted(ctx context.Context, name string) (domain string, err error)
	// Managed reports StepManaged: whether the domain's records are at the host. nameservers are those that the domain should be
	// delegated to, if the host lists them.
	Managed(ctx context.Context, c *Check, domain string) (nameservers []string, managed bool)
	// Records returns the records of a domain that Managed has read.
	Records(domain string) []ZoneRecord
	// RemoveValue removes only this TXT value, under a bare name of the domain.
	RemoveValue(ctx context.Context, c *Check, domain, name, value string) error
	// Probe reports StepWrite, StepRead, StepNameservers and StepRemove. It removes what it wrote, even if ctx is done.
	Probe(ctx context.Context, c *Check, p Probe)
	// Calls returns the number of requests so far.
	Calls() int64
}

// ZoneRecord is a record of a zone.
type ZoneRecord struct {
	// Name is bare.
	Name, Type string
	// Text is the value of a TXT record.
	Text string
}

// Probe describes the probe record to write.
type Probe struct {
	Domain string
	// TTL is in seconds.
	TTL int
	// Nameservers are expected to serve it.
	Nameservers []string
}

// Behaviour is what a probe measured of a host's API. It is part of the JSON report.
type Behaviour interface {
	// Sentences returns it as text, one line each.
	Sentences() []string
}
