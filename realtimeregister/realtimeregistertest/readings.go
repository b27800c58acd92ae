package realtimeregistertest

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options choose a reading for each unknown of the API. The zero value is the likeliest.
type Options struct {
	// SOA: what happens to hostMaster, refresh, retry, expire and ttl if an update omits them? (?; I: kept)
	SOA SOAReading
	// Duplicates: what happens to records with the same name, type and content (and prio)? (?)
	Duplicates DuplicatesReading
	// Empty: how does GET show a zone without records? (O: absent)
	Empty EmptyReading
	// Update: what is the response to an update? (O: 200; 202: ?)
	Update UpdateReading
	// UpdateBody: what is the body of that response? (?)
	UpdateBody UpdateBodyReading
	// EffectDelay: how long until an update takes effect? (?; O: at once)
	EffectDelay time.Duration
	// Names: in which case are names of records shown? (?)
	Names NamesReading
	// Order: in which order are records shown? (D: unspecified)
	Order OrderReading
	// Linked: what happens to records posted to a zone with a template? (?)
	Linked PostReading
	// ShowTemplate: a linked zone shows its template's records among its own. (?)
	ShowTemplate bool
	// Secondary: what happens to records posted to a zone with a master? (?)
	Secondary PostReading
	// Deletion: what does an update do to a zone with a deletionDate? (D, ambiguous: it may restore the zone)
	Deletion DeletionReading
	// Missing: what is the status for something that does not exist? (D: 400; ?: 404)
	Missing MissingReading
	// QuotedTXT: what happens to a TXT value in quotes? (?; O: it does harm)
	QuotedTXT QuotedReading
	// Signs: which signs of change does a zone have? (D: updatedDate, which is optional, and the serial in defaultRecords)
	Signs SignsReading
	// MinTTL: a smaller TTL of a record is refused. (?) Zero and less always are.
	MinTTL int
	// RetryAfter: the Retry-After of RateLimited(nil), if it is not zero. (?)
	RetryAfter time.Duration
	// ForbiddenEmpty: a 403 has no body. (O)
	ForbiddenEmpty bool
	// RefusedAddress: what is the response to a key bound to another address? (?)
	RefusedAddress AddressReading

	// StaleReads: how old the zones are that GET shows. (?) A zone younger than that is shown in its first state.
	StaleReads time.Duration
	// Replicas: which GETs are stale by StaleReads. (?)
	Replicas ReplicasReading
	// StaleReadBacks: how many GETs by id after each write of the API show the zone before the write. (?)
	StaleReadBacks int
	// ShortAfterWrite: how long after a write of the API GET shows only the first half of the records. (?)
	ShortAfterWrite time.Duration
	// AbsentAfterWrite: how long after a write of the API GET omits the field records, as for an empty zone. (?)
	AbsentAfterWrite time.Duration
	// DNSLag: how old the zone is that DNS serves. (?)
	DNSLag time.Duration
	// Latency: how long every response takes. The call takes effect when it arrives.
	Latency time.Duration

	// AllowHarm: the test does harm on purpose, so [Start] and [StartInMemory] do not fail it for that.
	AllowHarm bool
	// Reader identifies clients, to judge harm by what each has read. nil means by the Authorization header: one key,
	// one client. Dates and serials are known to all clients with the key, for any Reader.
	Reader func(Request) string
	// History: how long versions of a zone are kept for StaleRead, in addition to what the readings need.
	History time.Duration
	// RequestLogLimit: how many of the latest requests [Server.Requests] keeps; zero means all.
	RequestLogLimit int
	// TLS: the API is served over TLS with this configuration.
	TLS *tls.Config
	// Observe receives every change of a record. It runs under the lock, so it must not call the Server.
	Observe func(Change)
}

// SOAReading is what happens to SOA fields that an update omits.
type SOAReading int

// Readings of omitted SOA fields.
const (
	SOAKept  SOAReading = iota // (I)
	SOAReset                   // to the defaults (?)
)

// DuplicatesReading is what happens to duplicate records.
type DuplicatesReading int

// Readings of duplicates.
const (
	DuplicatesRefused DuplicatesReading = iota // 400 with conflicts (?)
	DuplicatesMerged                           // the first is kept (?)
	DuplicatesKept                             // (?)
)

// EmptyReading is how GET shows a zone without records.
type EmptyReading int

// Readings of an empty zone.
const (
	EmptyAbsent EmptyReading = iota // (O)
	EmptyList                       // (?)
	EmptyNull                       // (?)
)

// UpdateReading is the response to an update.
type UpdateReading int

// Readings of the response to an update.
const (
	UpdateOK       UpdateReading = iota // 200 (O)
	UpdateProcess                       // 200 with X-Process-Id (?)
	UpdateAccepted                      // 202 with X-Process-Id (?)
)

// UpdateBodyReading is the body of the response to an update.
type UpdateBodyReading int

// Readings of the body of that response.
const (
	UpdateBodyEmpty  UpdateBodyReading = iota // (?)
	UpdateBodyObject                          // {} (?)
)

// NamesReading is the case of the names of records in responses.
type NamesReading int

// Readings of the case of names.
const (
	NamesAsStored NamesReading = iota // (I)
	NamesLower                        // (?)
	NamesUpper                        // (?)
	NamesMixed                        // (?)
)

// OrderReading is the order of the records in responses.
type OrderReading int

// Readings of the order.
const (
	OrderKept     OrderReading = iota // (I)
	OrderShuffled                     // different for each GET (D: unspecified)
)

// PostReading is what happens to records posted to a zone that gets its records from elsewhere.
type PostReading int

// Readings of records posted to such a zone.
const (
	PostRefused  PostReading = iota // 400 ObjectStatusProhibitsOperation (?)
	PostAccepted                    // (?)
	PostIgnored                     // 200, without effect (?)
)

// DeletionReading is what an update does to a zone that waits for deletion.
type DeletionReading int

// Readings of such an update.
const (
	DeletionRevives DeletionReading = iota // the deletionDate is removed (D, ambiguous)
	DeletionStays                          // (?)
	DeletionRefuses                        // 400 ObjectStatusProhibitsOperation (?)
)

// MissingReading is the status for something that does not exist.
type MissingReading int

// Readings of what does not exist.
const (
	MissingBadRequest MissingReading = iota // 400 ObjectDoesNotExist (D)
	MissingNotFound                         // 404 ObjectDoesNotExist (D elsewhere)
)

// QuotedReading is what happens to a TXT value in quotes.
type QuotedReading int

// Readings of quotes.
const (
	QuotedRefused QuotedReading = iota // 400 (?)
	QuotedKept                         // the quotes are part of the value (?)
	QuotedRemoved                      // (?)
)

// SignsReading is which signs of change a zone has.
type SignsReading int

// Readings of the signs of change.
const (
	SignsBoth   SignsReading = iota // updatedDate and serial (D)
	SignsDate                       // the serial never changes (?)
	SignsSerial                     // updatedDate is absent (?)
	SignsNone                       // (?)
)

// AddressReading is the response to a key bound to another address.
type AddressReading int

// Readings of a refused address.
const (
	AddressForbidden    AddressReading = iota // 403 (?)
	AddressUnauthorized                       // 401 (?)
)

// ReplicasReading is which GETs are stale.
type ReplicasReading int

// Readings of replicas of the API.
const (
	ReplicasAll       ReplicasReading = iota // every GET (?)
	ReplicasAlternate                        // every second one of a zone; the first is fresh (?)
	ReplicasOther                            // those of clients other than the last writer of the zone (?)
)

// choice is a reading with a fixed set of values.
type choice struct {
	name, usage string
	words       []string
	value       func(*Options) *int
}

func pointer(o *Options, name string) *int {
	switch name {
	case "soa":
		return (*int)(&o.SOA)
	case "duplicates":
		return (*int)(&o.Duplicates)
	case "empty":
		return (*int)(&o.Empty)
	case "update":
		return (*int)(&o.Update)
	case "update-body":
		return (*int)(&o.UpdateBody)
	case "names":
		return (*int)(&o.Names)
	case "order":
		return (*int)(&o.Order)
	case "linked":
		return (*int)(&o.Linked)
	case "secondary":
		return (*int)(&o.Secondary)
	case "deletion":
		return (*int)(&o.Deletion)
	case "missing":
		return (*int)(&o.Missing)
	case "quoted-txt":
		return (*int)(&o.QuotedTXT)
	case "signs":
		return (*int)(&o.Signs)
	case "address":
		return (*int)(&o.RefusedAddress)
	default:
		return (*int)(&o.Replicas)
	}
}

func choices() []choice {
	var out []choice
	add := func(name, usage string, words ...string) {
		out = append(out, choice{name, usage, words, func(o *Options) *int { return pointer(o, name) }})
	}
	add("soa", "SOA fields that an update omits", "kept", "reset")
	add("duplicates", "exact duplicates", "refused", "merged", "kept")
	add("empty", "how an empty zone is shown", "absent", "list", "null")
	add("update", "the response to an update", "200", "200-process", "202")
	add("update-body", "the body of the response to an update", "empty", "object")
	add("names", "the case of names in responses", "stored", "lower", "upper", "mixed")
	add("order", "the order of records in responses", "kept", "shuffled")
	add("linked", "records posted to a linked zone", "refused", "accepted", "ignored")
	add("secondary", "records posted to a secondary zone", "refused", "accepted", "ignored")
	add("deletion", "an update of a zone that waits for deletion", "revives", "stays", "refuses")
	add("missing", "the status for something that does not exist", "400", "404")
	add("quoted-txt", "a TXT value in quotes", "refused", "kept", "removed")
	add("signs", "the signs of change of a zone", "both", "date", "serial", "none")
	add("address", "the status for a key bound to another address", "403", "401")
	add("replicas", "which GETs are stale", "all", "alternate", "other")
	return out
}

// EachReading returns the zero value, and then Options that differ from it in one choice, for each word of each choice.
func EachReading() []Options {
	out := []Options{{}}
	for _, c := range choices() {
		for i := 1; i < len(c.words); i++ {
			var o Options
			*c.value(&o) = i
			out = append(out, o)
		}
	}
	return out
}

// String returns the options that differ from the zero value, as the name of a subtest, or "likely".
func (o Options) String() string {
	var words []string
	for _, c := range choices() {
		if i := *c.value(&o); i > 0 && i < len(c.words) {
			words = append(words, c.name+"-"+c.words[i])
		}
	}
	add := func(set bool, format string, args ...any) {
		if set {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(o.ShowTemplate, "show-template")
	add(o.ForbiddenEmpty, "forbidden-empty")
	add(o.EffectDelay > 0, "effect-%s", o.EffectDelay)
	add(o.MinTTL > 0, "min-ttl-%d", o.MinTTL)
	add(o.RetryAfter > 0, "retry-after-%s", o.RetryAfter)
	add(o.StaleReads > 0, "stale-%s", o.StaleReads)
	add(o.StaleReadBacks > 0, "stale-read-backs-%d", o.StaleReadBacks)
	add(o.ShortAfterWrite > 0, "short-%s", o.ShortAfterWrite)
	add(o.AbsentAfterWrite > 0, "absent-%s", o.AbsentAfterWrite)
	add(o.DNSLag > 0, "dns-lag-%s", o.DNSLag)
	add(o.Latency > 0, "latency-%s", o.Latency)
	if len(words) == 0 {
		return "likely"
	}
	return strings.Join(words, ",")
}

// missingCode returns the status for something that does not exist.
func (o Options) missingCode() int {
	if o.Missing == MissingNotFound {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}
