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

// Options choose a reading for each unknown of the API. The zero value is the likeliest.
type Options struct {
	// Patch: does PATCH add a second value of the same name and type, or replace the first? (?)
	Patch PatchReading

	// PatchOf overrides Patch for single domains, by lower-case name. ("it may differ by domain")
	PatchOf map[string]PatchReading

	// PatchSame: what does PATCH do with a record that already exists, with the same name, type and value? (?)
	PatchSame PatchSameReading

	// DeleteAbsent: what is the response to a DELETE of a record that does not exist? (?; an error is likely)
	DeleteAbsent DeleteAbsentReading

	// DeleteShownForm: DELETE finds a record only by the exact name and value that GET shows, byte for byte. (I)
	// Otherwise names match if they are equal once absolute and in lower case, and TXT values match quoted or bare.
	DeleteShownForm bool

	// DeleteOneCopy: DELETE removes only the first copy of a duplicate record (see PatchSameDuplicates). (?) Otherwise
	// it removes all copies; "removes one value" (D) allows both.
	DeleteOneCopy bool

	// Names: in which form does GET show names? (O)
	Names NamesReading

	// QuotedValues: GET shows TXT values in quotes. (Values "travel unquoted both ways (O); accept a quoted one")
	QuotedValues bool

	// StatusText: the status in the body of a failure is the string "error", as in the documented examples of 400 and
	// 401 (D). Otherwise it is a number.
	StatusText bool

	// StatusZero: the status in the body of a success is 0. (I: clients treat it as success)
	StatusZero bool

	// Success202: a success is HTTP 202. (I: clients treat it as success)
	Success202 bool

	// EmptyData: failures and responses to writes have `"data":[]`. (?) Otherwise they have no data. (O, three sources)
	EmptyData bool

	// WrongMethod405: a method that a path does not have is answered with 405 (D). Otherwise with 400 "Wrong request
	// method". (O, a recorded response)
	WrongMethod405 bool

	// NoWhoAmI: GET /whoami does not exist. (? Otherwise O, one source)
	NoWhoAmI bool

	// OmitManagedDNS: GET /domains/{domain} omits managed_dns. (? Otherwise O)
	OmitManagedDNS bool

	// Domains: in which form are domains listed, and known? (?)
	Domains DomainsReading

	// MaxDomains: GET /domains lists only the first so many domains; zero means all. (?: no list is known to be
	// truncated) [ShortDomains] is the transient failure.
	MaxDomains int

	// MinTTL: a TTL below it is refused with 400. (The minimum is ?) Zero and less are always refused.
	MinTTL int

	// StaleReads: how old the zone is that a GET of records shows. (O) A zone younger than that is shown in its first state.
	StaleReads time.Duration

	// ReplicaJitter: with StaleReads, every second GET of a zone's records comes from a fresh replica, starting with
	// the first. (O: a GET may "differ between replicas")
	ReplicaJitter bool

	// ShortAfterWrite: how long after a write of the API GET shows only the first half of the records. (O: "a GET can
	// be stale or even empty or short right after another write")
	ShortAfterWrite time.Duration

	// EmptyAfterWrite: how long after a write of the API GET shows no records. (O)
	EmptyAfterWrite time.Duration

	// DNSLag: how old the zone is that DNS serves. (O: "served about a minute after the write")
	DNSLag time.Duration

	// Latency: how long every response takes. The call takes effect when it arrives, even if the client gives up before
	// the response. Data in the response is that old when the client receives it.
	Latency time.Duration

	// AllowPUT: the test sends PUT on purpose, so [Start] and [StartInMemory] do not fail it for that (see
	// [Server.RequireNoPUT]).
	AllowPUT bool

	// RequestLogLimit: how many of the latest requests [Server.Requests] keeps; zero means all. The counts always
	// include all.
	RequestLogLimit int

	// TLS: the API is served over TLS with this configuration.
	TLS *tls.Config

	// Observe receives every change of a zone, in order. It runs under the lock, so it must not call the Server.
	Observe func(Change)
}

// PatchReading is what PATCH does with an existing value of the same name and type.
type PatchReading int

const (
	// PatchAdds adds the new value and keeps the first. (?)
	PatchAdds PatchReading = iota
	// PatchReplaces replaces all values of that name and type by the new one, at the end of the list: "update single
	// DNS record" (D), taken literally. (?)
	PatchReplaces
)

// PatchSameReading is what PATCH does with a record that already exists.
type PatchSameReading int

const (
	// PatchSameKeeps keeps one copy, with the TTL of the PATCH. (?)
	PatchSameKeeps PatchSameReading = iota
	// PatchSameDuplicates adds a second copy. If PATCH replaces, it is the same as PatchSameKeeps. (?)
	PatchSameDuplicates
	// PatchSameFails answers 400 and changes nothing. (?)
	PatchSameFails
)

// DeleteAbsentReading is the response to a DELETE of a record that does not exist.
type DeleteAbsentReading int

const (
	// DeleteAbsentFails answers 400. (?: "an error is likely")
	DeleteAbsentFails DeleteAbsentReading = iota
	// DeleteAbsentNotFound answers 404. (?)
	DeleteAbsentNotFound
	// DeleteAbsentSucceeds answers 200. (?)
	DeleteAbsentSucceeds
)

// NamesReading is the form in which GET shows the names of records.
type NamesReading int

const (
	// NamesAbsolute shows "x.example.nl.", whatever was written. (O: "a GET normally returns that form")
	NamesAbsolute NamesReading = iota
	// NamesAsWritten shows a name as it was written. (O: "a name written relative may come back relative")
	NamesAsWritten
	// NamesRelative shows "x", and "@" for the domain itself. (I)
	NamesRelative
)

// DomainsReading is the form in which GET /domains lists a domain. The API knows it only in this form.
type DomainsReading int

const (
	// DomainsASCII lists "xn--bcher-kva.nl" in lower case, and accepts it in any case. (I)
	DomainsASCII DomainsReading = iota
	// DomainsUnicode lists "bücher.nl". (?)
	DomainsUnicode
	// DomainsUpper lists "XN--BCHER-KVA.NL". (?)
	DomainsUpper
)

// shown returns the domain in the form of the reading.
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

// names reports whether the domain in a path, as sent, means this domain.
func (r DomainsReading) names(sent, domain string) bool {
	if r == DomainsASCII {
		sent = strings.ToLower(sent)
	}
	return sent == r.shown(domain)
}

// patchIn returns the reading of PATCH for a domain.
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

// String returns adds or replaces.
func (r PatchReading) String() string { return readingName(r, patchReadings()) }

// String returns keeps, duplicates or fails.
func (r PatchSameReading) String() string { return readingName(r, patchSameReadings()) }

// String returns fails, not-found or succeeds.
func (r DeleteAbsentReading) String() string { return readingName(r, deleteAbsentReadings()) }

// String returns absolute, as-written or relative.
func (r NamesReading) String() string { return readingName(r, namesReadings()) }

// String returns ascii, unicode or upper.
func (r DomainsReading) String() string { return readingName(r, domainsReadings()) }

// String returns the options that differ from the zero value, as the name of a subtest, or "likely".
func (o Options) String() string {
	var words []string
	add := func(set bool, format string, args ...any) {
		if set {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(o.Patch != 0, "patch-%s", o.Patch)
	for _, domain := range slices.Sorted(maps.Keys(o.PatchOf)) {
		add(true, "patch-%s-in-%s", o.PatchOf[domain], domain)
	}
	add(o.PatchSame != 0, "same-%s", o.PatchSame)
	add(o.DeleteAbsent != 0, "absent-%s", o.DeleteAbsent)
	add(o.DeleteShownForm, "delete-shown-form")
	add(o.DeleteOneCopy, "delete-one-copy")
	add(o.Names != 0, "names-%s", o.Names)
	add(o.QuotedValues, "quoted")
	add(o.StatusText, "status-text")
	add(o.StatusZero, "status-zero")
	add(o.Success202, "202")
	add(o.EmptyData, "empty-data")
	add(o.WrongMethod405, "405")
	add(o.NoWhoAmI, "no-whoami")
	add(o.OmitManagedDNS, "no-managed-dns")
	add(o.Domains != 0, "domains-%s", o.Domains)
	add(o.MaxDomains > 0, "max-domains-%d", o.MaxDomains)
	add(o.MinTTL > 0, "min-ttl-%d", o.MinTTL)
	add(o.StaleReads > 0, "stale-%s", o.StaleReads)
	add(o.ReplicaJitter, "jitter")
	add(o.ShortAfterWrite > 0, "short-%s", o.ShortAfterWrite)
	add(o.EmptyAfterWrite > 0, "empty-%s", o.EmptyAfterWrite)
	add(o.DNSLag > 0, "dns-lag-%s", o.DNSLag)
	add(o.Latency > 0, "latency-%s", o.Latency)
	if len(words) == 0 {
		return "likely"
	}
	return strings.Join(words, ",")
}

// EveryReading yields every combination of Patch, PatchSame, DeleteAbsent, DeleteShownForm, Names and StatusText. It
// omits readings that clients in live use contradict (NamesRelative and QuotedValues, with which their clean-ups would
// remove nothing). The caller sets the durations, and DeleteOneCopy, which matters only with duplicates.
func EveryReading() iter.Seq[Options] {
	return func(yield func(Options) bool) {
		// Each digit of n, in mixed radix, is one choice.
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
