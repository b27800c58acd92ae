package mijnhosttest

import (
	"crypto/tls"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Options say how the simulator reads what is not known of the API. The zero
// value is the reading that is thought most likely.
type Options struct {
	// Patch: does PATCH add a second value beside a first one of the same
	// name and type, or replace it? (trap 2, ?)
	Patch PatchReading

	// PatchOf: the same for single domains, by lower-case name; the others do as
	// Patch says. (trap 2: "it may differ by domain")
	PatchOf map[string]PatchReading

	// PatchSame: what does PATCH do about a record that is there already,
	// with the same name, type and value? (trap 2, ?)
	PatchSame PatchSameReading

	// DeleteAbsent: what is the answer to a DELETE of a record that is not
	// there? (trap 8, ?; an error is likely)
	DeleteAbsent DeleteAbsentReading

	// DeleteShownForm: DELETE finds a record only by the exact name and
	// value that a GET shows, byte for byte. (trap 5, I) Otherwise names
	// match once made absolute and lower-case, and TXT values match quoted
	// or bare.
	DeleteShownForm bool

	// DeleteOneCopy: where the same record is in the zone several times (see
	// PatchSameDuplicates), DELETE removes the first copy only. (?)
	// Otherwise it removes all copies; "removes one value" (D) allows both.
	DeleteOneCopy bool

	// Names: in which form does a GET show names? (trap 5, O)
	Names NamesReading

	// QuotedValues: a GET shows TXT values within quotes. (trap 6: values
	// "travel unquoted both ways (O); accept a quoted one")
	QuotedValues bool

	// StatusText: the body of a failure has the string "error" for a status,
	// as in the documented examples of 400 and 401 (D), rather than a number.
	StatusText bool

	// StatusZero: the status in the body of a success is 0. (I: clients count it
	// as success)
	StatusZero bool

	// Success202: a success is HTTP 202. (I: clients count it as success)
	Success202 bool

	// EmptyData: failures and answers to writes have `"data":[]`. (?) Otherwise
	// they have no data (O, three sources).
	EmptyData bool

	// WrongMethod405: a method that a path does not have is answered 405 (D).
	// Otherwise it is 400 "Wrong request method" (O, a recorded answer).
	WrongMethod405 bool

	// NoWhoAmI: there is no GET /whoami. (? Otherwise O, one source)
	NoWhoAmI bool

	// OmitManagedDNS: GET /domains/{domain} omits managed_dns. (? Otherwise O)
	OmitManagedDNS bool

	// Domains: in which form are domains listed, and known? (?)
	Domains DomainsReading

	// MaxDomains: GET /domains lists the first so many domains alone; zero is
	// all of them. (?: no list is known to be cut short) [ShortDomains] is for
	// a while.
	MaxDomains int

	// MinTTL: a TTL below it is refused with 400. (trap 7: the minimum is ?)
	// Zero and less are always refused.
	MinTTL int

	// StaleReads: a GET of records shows the zone as it was that long ago.
	// (trap 3, O) A zone younger than that is shown as it was at first.
	StaleReads time.Duration

	// ReplicaJitter: with StaleReads, every second GET of a zone's records
	// comes from a fresh replica, beginning with the first one. (trap 3: a
	// GET may "differ between replicas", O)
	ReplicaJitter bool

	// ShortAfterWrite: for that long after a write of the API, a GET shows
	// the first half of the records. (trap 1: "a GET can be stale or even
	// empty or short right after another write", O)
	ShortAfterWrite time.Duration

	// EmptyAfterWrite: for that long after a write of the API, a GET shows no
	// records at all. (trap 1, O)
	EmptyAfterWrite time.Duration

	// DNSLag: DNS serves a zone as it was that long ago. (trap 4, O: "served
	// about a minute after the write")
	DNSLag time.Duration

	// Latency: every answer takes that long. The call is carried out when it
	// arrives: a client that gives up early has written all the same, and
	// what it reads is that old when it gets it.
	Latency time.Duration

	// TestSendsPUT: the test itself means to send PUT, so that [Start] and
	// [StartInMemory] do not fail it for that (see [Server.RequireNoPUT]).
	TestSendsPUT bool

	// RequestLogLimit: how many of the latest requests [Server.Requests]
	// remembers; zero is all of them. The counts always cover all.
	RequestLogLimit int

	// TLS: the API is served over TLS with this configuration.
	TLS *tls.Config

	// Observe receives every change of a zone, in order. It runs while the
	// state is locked, and so must not call the Server.
	Observe func(Change)
}

// PatchReading is what PATCH does beside a value of the same name and type.
type PatchReading int

const (
	// PatchAdds adds the new value, and the first one stays. (trap 2, ?)
	PatchAdds PatchReading = iota
	// PatchReplaces removes all values of that name and type, and the new one
	// is in their place, at the end of the list: "update single DNS record"
	// (D) taken at its word. (trap 2, ?)
	PatchReplaces
)

// PatchSameReading is what PATCH does about a record that is there already.
type PatchSameReading int

const (
	// PatchSameKeeps leaves one copy, with the TTL of the PATCH. (?)
	PatchSameKeeps PatchSameReading = iota
	// PatchSameDuplicates adds a second copy. Where PATCH replaces, it
	// is no different from PatchSameKeeps. (?)
	PatchSameDuplicates
	// PatchSameFails answers 400, and nothing changes. (?)
	PatchSameFails
)

// DeleteAbsentReading is what DELETE answers for a record that is not there.
type DeleteAbsentReading int

const (
	// DeleteAbsentFails answers 400. (trap 8, ?: "an error is likely")
	DeleteAbsentFails DeleteAbsentReading = iota
	// DeleteAbsentNotFound answers 404. (trap 8, ?)
	DeleteAbsentNotFound
	// DeleteAbsentSucceeds answers 200. (trap 8, ?)
	DeleteAbsentSucceeds
)

// NamesReading is the form in which a GET shows the names of records.
type NamesReading int

const (
	// NamesAbsolute shows "x.example.nl.", whatever was written. (trap 5, O:
	// "a GET normally returns that form")
	NamesAbsolute NamesReading = iota
	// NamesAsWritten shows a name as the writer wrote it. (trap 5, O: "a name written
	// relative may come back relative")
	NamesAsWritten
	// NamesRelative shows "x", and "@" for the domain itself. (trap 5, I)
	NamesRelative
)

// DomainsReading is the form in which GET /domains lists a domain, which is the
// only form in which the API knows it.
type DomainsReading int

const (
	// DomainsASCII lists "xn--bcher-kva.nl", in lower case, and knows it in any
	// case. (I)
	DomainsASCII DomainsReading = iota
	// DomainsUnicode lists "bücher.nl". (?)
	DomainsUnicode
	// DomainsUpper lists "XN--BCHER-KVA.NL". (?)
	DomainsUpper
)

// shown is the domain in the form of the reading.
func (r DomainsReading) shown(domain string) string {
	switch r {
	case DomainsUnicode:
		if unicode, err := idna.ToUnicode(domain); err == nil {
			return unicode
		}
	case DomainsUpper:
		return strings.ToUpper(domain)
	}
	return domain
}

// names reports whether a path means the domain.
func (r DomainsReading) names(sent, domain string) bool {
	if r == DomainsASCII {
		sent = strings.ToLower(sent)
	}
	return sent == r.shown(domain)
}

// patchIn is what PATCH does in a domain.
func (o Options) patchIn(domain string) PatchReading {
	if r, ok := o.PatchOf[domain]; ok {
		return r
	}
	return o.Patch
}

func patchReadings() []string     { return []string{"adds", "replaces"} }
func patchSameReadings() []string { return []string{"keeps", "duplicates", "fails"} }
func deleteAbsentReadings() []string {
	return []string{"fails", "not-found", "succeeds"}
}
func namesReadings() []string   { return []string{"absolute", "as-written", "relative"} }
func domainsReadings() []string { return []string{"ascii", "unicode", "upper"} }

func readingName[R ~int](r R, words []string) string {
	if int(r) < 0 || int(r) >= len(words) {
		return fmt.Sprintf("reading(%d)", int(r))
	}
	return words[r]
}

// String is the word for the reading: adds or replaces.
func (r PatchReading) String() string { return readingName(r, patchReadings()) }

// String is the word for the reading: keeps, duplicates or fails.
func (r PatchSameReading) String() string { return readingName(r, patchSameReadings()) }

// String is the word for the reading: fails, not-found or succeeds.
func (r DeleteAbsentReading) String() string { return readingName(r, deleteAbsentReadings()) }

// String is the word for the reading: absolute, as-written or relative.
func (r NamesReading) String() string { return readingName(r, namesReadings()) }

// String is the word for the reading: ascii, unicode or upper.
func (r DomainsReading) String() string { return readingName(r, domainsReadings()) }

// String names the readings, for the name of a subtest. What is as in the
// zero Options is left out; the zero Options themselves are "likely".
func (o Options) String() string {
	var words []string
	say := func(unlike bool, format string, args ...any) {
		if unlike {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	say(o.Patch != 0, "patch-%s", o.Patch)
	for _, domain := range slices.Sorted(maps.Keys(o.PatchOf)) {
		say(true, "patch-%s-in-%s", o.PatchOf[domain], domain)
	}
	say(o.PatchSame != 0, "same-%s", o.PatchSame)
	say(o.DeleteAbsent != 0, "absent-%s", o.DeleteAbsent)
	say(o.DeleteShownForm, "delete-shown-form")
	say(o.DeleteOneCopy, "delete-one-copy")
	say(o.Names != 0, "names-%s", o.Names)
	say(o.QuotedValues, "quoted")
	say(o.StatusText, "status-text")
	say(o.StatusZero, "status-zero")
	say(o.Success202, "202")
	say(o.EmptyData, "empty-data")
	say(o.WrongMethod405, "405")
	say(o.NoWhoAmI, "no-whoami")
	say(o.OmitManagedDNS, "no-managed-dns")
	say(o.Domains != 0, "domains-%s", o.Domains)
	say(o.MaxDomains > 0, "max-domains-%d", o.MaxDomains)
	say(o.MinTTL > 0, "min-ttl-%d", o.MinTTL)
	say(o.StaleReads > 0, "stale-%s", o.StaleReads)
	say(o.ReplicaJitter, "jitter")
	say(o.ShortAfterWrite > 0, "short-%s", o.ShortAfterWrite)
	say(o.EmptyAfterWrite > 0, "empty-%s", o.EmptyAfterWrite)
	say(o.DNSLag > 0, "dns-lag-%s", o.DNSLag)
	say(o.Latency > 0, "latency-%s", o.Latency)
	if len(words) == 0 {
		return "likely"
	}
	return strings.Join(words, ",")
}

// EveryReading yields every combination of the readings that are a choice
// between answers: Patch, PatchSame, DeleteAbsent, DeleteShownForm, Names and
// StatusText. Readings that clients in live use contradict are left out:
// NamesRelative and QuotedValues, whose clean-ups would do nothing. The
// durations, and DeleteOneCopy, which only matters to a zone that has copies,
// are for the caller to set.
func EveryReading() iter.Seq[Options] {
	return func(yield func(Options) bool) {
		// Each digit of n, in a number system of mixed radix, is one choice.
		radixes := [...]int{2, 3, 3, 2, 2, 2}
		total := 1
		for _, r := range radixes {
			total *= r
		}
		for n := range total {
			var digits [len(radixes)]int
			for i, r := range radixes {
				digits[i], n = n%r, n/r
			}
			o := Options{
				Patch:           PatchReading(digits[0]),
				PatchSame:       PatchSameReading(digits[1]),
				DeleteAbsent:    DeleteAbsentReading(digits[2]),
				DeleteShownForm: digits[3] == 1,
				Names:           NamesReading(digits[4]),
				StatusText:      digits[5] == 1,
			}
			if !yield(o) {
				return
			}
		}
	}
}
