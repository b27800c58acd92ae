package mijnhosttest

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// Flags defines a flag for each reading.
func Flags(f *flag.FlagSet, o *Options) {
	readingFlag(f, &o.Patch, patchReadings(), "patch", "what PATCH does with an existing value of the same name and type")
	f.Func("patch-of", "the same for one domain: `DOMAIN=adds|replaces`; can be repeated", func(text string) error { return setPatchOf(o, text) })
	readingFlag(f, &o.PatchSame, patchSameReadings(), "patch-same", "what PATCH does with a record that already exists")
	readingFlag(f, &o.DeleteAbsent, deleteAbsentReadings(), "delete-absent", "what DELETE does with a record that does not exist")
	f.BoolVar(&o.DeleteShownForm, "delete-shown-form", o.DeleteShownForm, "DELETE finds a record only in the form that GET shows")
	f.BoolVar(&o.DeleteOneCopy, "delete-one-copy", o.DeleteOneCopy, "DELETE removes one copy of a duplicate record")
	readingFlag(f, &o.Names, namesReadings(), "names", "the form of names in a GET")
	f.BoolVar(&o.QuotedValues, "quoted-values", o.QuotedValues, "TXT values in a GET are quoted")
	f.BoolVar(&o.StatusText, "status-text", o.StatusText, `the status in the body of a failure is the string "error"`)
	f.BoolVar(&o.StatusZero, "status-zero", o.StatusZero, "the status in the body of a success is 0")
	f.BoolVar(&o.Success202, "success-202", o.Success202, "a success is HTTP 202")
	f.BoolVar(&o.EmptyData, "empty-data", o.EmptyData, `failures and responses to writes have "data":[]`)
	f.BoolVar(&o.WrongMethod405, "wrong-method-405", o.WrongMethod405, "a wrong method is 405 instead of 400")
	f.BoolVar(&o.NoWhoAmI, "no-whoami", o.NoWhoAmI, "there is no GET /whoami")
	f.BoolVar(&o.OmitManagedDNS, "omit-managed-dns", o.OmitManagedDNS, "GET /domains/{domain} omits managed_dns")
	readingFlag(f, &o.Domains, domainsReadings(), "domains", "the form in which domains are listed and known")
	f.IntVar(&o.MaxDomains, "max-domains", o.MaxDomains, "GET /domains lists only the first so many; 0 means all")
	f.IntVar(&o.MinTTL, "min-ttl", o.MinTTL, "the minimum TTL")
	f.DurationVar(&o.StaleReads, "stale-reads", o.StaleReads, "how old the zone is that GET shows")
	f.BoolVar(&o.ReplicaJitter, "replica-jitter", o.ReplicaJitter, "only every second GET of a zone returns stale records")
	f.DurationVar(&o.ShortAfterWrite, "short-after-write", o.ShortAfterWrite, "how long after a write GET shows half of the records")
	f.DurationVar(&o.EmptyAfterWrite, "empty-after-write", o.EmptyAfterWrite, "how long after a write GET shows no records")
	f.DurationVar(&o.DNSLag, "dns-lag", o.DNSLag, "how old the zone is that DNS serves")
	f.DurationVar(&o.Latency, "latency", o.Latency, "how long every response takes")
}

func setPatchOf(o *Options, text string) error {
	domain, word, _ := strings.Cut(text, "=")
	i := slices.Index(patchReadings(), word)
	if domain == "" || i < 0 {
		return fmt.Errorf("must be DOMAIN=%s", strings.Join(patchReadings(), " or DOMAIN="))
	}
	if o.PatchOf == nil {
		o.PatchOf = map[string]PatchReading{}
	}
	o.PatchOf[canonicalDomain(domain)] = PatchReading(i)
	return nil
}

func readingFlag[R ~int](f *flag.FlagSet, r *R, words []string, name, usage string) {
	usage += fmt.Sprintf(": %#q (default %s)", strings.Join(words, "|"), readingName(*r, words))
	f.Func(name, usage, func(word string) error {
		i := slices.Index(words, word)
		if i < 0 {
			return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
		}
		*r = R(i)
		return nil
	})
}
