package realtimeregistertest

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Options say how the simulator reads what is not known of the API. The zero
// value is the reading that is thought most likely.
type Options struct {
	// SOA: what becomes of hostMaster, refresh, retry, expire and ttl that an
	// update leaves out? (?; I: kept)
	SOA SOAReading
	// Duplicates: what of records that are the same in name, type and content
	// (and prio)? (?)
	Duplicates DuplicatesReading
	// Empty: how does a zone without records show them? (O: absent)
	Empty EmptyReading
	// Update: what answers an update? (O: 200; 202: ?)
	Update UpdateReading
	// UpdateBody: what is in that answer? (?)
	UpdateBody UpdateBodyReading
	// EffectDelay: an update takes effect so much later. (?; O: at once)
	EffectDelay time.Duration
	// Names: in which case are names of records shown? (?)
	Names NamesReading
	// Order: in which order are records shown? (D: none is promised)
	Order OrderReading
	// Linked: what of records posted to a zone with a template? (?)
	Linked PostReading
	// ShowTemplate: a linked zone shows its template's records among its own. (?)
	ShowTemplate bool
	// Secondary: what of records posted to a zone with a master? (?)
	Secondary PostReading
	// Deletion: what of an update of a zone with a deletionDate? (D-: it
	// may bring the zone back)
	Deletion DeletionReading
	// Missing: what answers for what does not exist? (D: 400; ?: 404)
	Missing MissingReading
	// QuotedTXT: what of a TXT value sent in quotes? (?; O: it does harm)
	QuotedTXT QuotedReading
	// Signs: which signs of change does a zone have? (D: updatedDate, which is
	// optional, and the serial in defaultRecords)
	Signs SignsReading
	// MinTTL: a smaller TTL of a record is refused. (?) Zero and less always are.
	MinTTL int
	// RetryAfter: a 429 of the kind RateLimited(nil) has this Retry-After all
	// the same, if it is not zero. (?)
	RetryAfter time.Duration
	// ForbiddenEmpty: a 403 has no body. (O)
	ForbiddenEmpty bool
	// RefusedAddress: what answers a key that is tied to another address? (?)
	RefusedAddress AddressReading

	// StaleReads: a GET shows zones as they were that long ago. (?) A zone
	// younger than that is shown as it was at first.
	StaleReads time.Duration
	// Replicas: which GETs StaleReads is for. (?)
	Replicas ReplicasReading
	// StaleReadBacks: so many GETs by id after each write of the API show the
	// zone as it was before it. (?)
	StaleReadBacks int
	// ShortAfterWrite: for that long after a write of the API, a GET shows the
	// first half of the records. (?)
	ShortAfterWrite time.Duration
	// AbsentAfterWrite: for that long after a write of the API, a GET shows no
	// records at all, as if there were none. (?)
	AbsentAfterWrite time.Duration
	// DNSLag: DNS serves a zone as it was that long ago. (?)
	DNSLag time.Duration
	// Latency: every answer takes that long. The call is carried out when it
	// arrives.
	Latency time.Duration

	// TestDoesHarm: the test itself means to do harm, so that [Start] and
	// [StartInMemory] do not fail it for that.
	TestDoesHarm bool
	// Reader identifies clients, to judge harm by what each one has read. nil
	// is by the Authorization header: one key, one client. Dates and serials are
	// known to all clients with the key, for any Reader.
	Reader func(Request) string
	// History: how long versions of a zone are kept, beyond what the readings
	// need, for the kind StaleRead.
	History time.Duration
	// RequestLogLimit: how many of the latest requests [Server.Requests]
	// remembers; zero is all of them.
	RequestLogLimit int
	// TLS: the API is served over TLS with this configuration.
	TLS *tls.Config
	// Observe receives every change of a record. It runs while the state is
	// locked, and so must not call the Server.
	Observe func(Change)
}

// SOAReading is what becomes of SOA fields that an update leaves out.
type SOAReading int

// Readings of SOA fields left out.
const (
	SOAKept  SOAReading = iota // (I)
	SOAReset                   // to the defaults (?)
)

// DuplicatesReading is what becomes of records that are the same.
type DuplicatesReading int

// Readings of duplicates.
const (
	DuplicatesRefused DuplicatesReading = iota // 400 with conflicts (?)
	DuplicatesMerged                           // the first stays (?)
	DuplicatesKept                             // (?)
)

// EmptyReading is how a zone without records shows them.
type EmptyReading int

// Readings of no records.
const (
	EmptyAbsent EmptyReading = iota // (O)
	EmptyList                       // (?)
	EmptyNull                       // (?)
)

// UpdateReading is what answers an update.
type UpdateReading int

// Readings of the answer to an update.
const (
	UpdateOK       UpdateReading = iota // 200 (O)
	UpdateProcess                       // 200 with X-Process-Id (?)
	UpdateAccepted                      // 202 with X-Process-Id (?)
)

// UpdateBodyReading is what is in the answer to an update.
type UpdateBodyReading int

// Readings of the body of that answer.
const (
	UpdateBodyEmpty  UpdateBodyReading = iota // (?)
	UpdateBodyObject                          // {} (?)
)

// NamesReading is the case of the names of records in answers.
type NamesReading int

// Readings of the case of names.
const (
	NamesAsStored NamesReading = iota // (I)
	NamesLower                        // (?)
	NamesUpper                        // (?)
	NamesMixed                        // (?)
)

// OrderReading is the order of the records in answers.
type OrderReading int

// Readings of the order.
const (
	OrderKept     OrderReading = iota // (I)
	OrderShuffled                     // another one for each GET (D: not promised)
)

// PostReading is what becomes of records posted to a zone that has them from
// elsewhere.
type PostReading int

// Readings of such an update.
const (
	PostRefused PostReading = iota // 400 ObjectStatusProhibitsOperation (?)
	PostTaken                      // (?)
	PostIgnored                    // 200, and the records stay (?)
)

// DeletionReading is what becomes of an update of a zone that is to be removed.
type DeletionReading int

// Readings of such an update.
const (
	DeletionRevives DeletionReading = iota // the deletionDate is gone (D-)
	DeletionStays                          // (?)
	DeletionRefuses                        // 400 ObjectStatusProhibitsOperation (?)
)

// MissingReading is what answers for what does not exist.
type MissingReading int

// Readings of what does not exist.
const (
	MissingBadRequest MissingReading = iota // 400 ObjectDoesNotExist (D)
	MissingNotFound                         // 404 ObjectDoesNotExist (D elsewhere)
)

// QuotedReading is what becomes of a TXT value in quotes.
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

// AddressReading is what answers a key that is tied to another address.
type AddressReading int

// Readings of the refusal of an address.
const (
	AddressForbidden    AddressReading = iota // 403 (?)
	AddressUnauthorized                       // 401 (?)
)

// ReplicasReading is which GETs are stale.
type ReplicasReading int

// Readings of replicas of the API.
const (
	ReplicasAll       ReplicasReading = iota // every GET (?)
	ReplicasAlternate                        // every second one of a zone, the first is fresh (?)
	ReplicasOther                            // those of clients other than the zone's last writer (?)
)

// choice is one reading that is a choice between words.
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
	add("soa", "SOA fields that an update leaves out", "kept", "reset")
	add("duplicates", "exact duplicates", "refused", "merged", "kept")
	add("empty", "how no records are shown", "absent", "list", "null")
	add("update", "what answers an update", "200", "200-process", "202")
	add("update-body", "what is in the answer to an update", "empty", "object")
	add("names", "the case of names in answers", "stored", "lower", "upper", "mixed")
	add("order", "the order of records in answers", "kept", "shuffled")
	add("linked", "records posted to a linked zone", "refused", "taken", "ignored")
	add("secondary", "records posted to a secondary zone", "refused", "taken", "ignored")
	add("deletion", "an update of a zone that is to be removed", "revives", "stays", "refuses")
	add("missing", "what answers for what does not exist", "400", "404")
	add("quoted-txt", "a TXT value in quotes", "refused", "kept", "removed")
	add("signs", "the signs of change of a zone", "both", "date", "serial", "none")
	add("address", "what answers a key tied to another address", "403", "401")
	add("replicas", "which GETs are stale", "all", "alternate", "other")
	return out
}

// EachReading is Options that differ from the zero value in one choice, for each
// word of each choice, and the zero value first.
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

// String names the readings, for the name of a subtest. What is as in the zero
// Options is left out; the zero Options themselves are "likely".
func (o Options) String() string {
	var words []string
	for _, c := range choices() {
		if i := *c.value(&o); i > 0 && i < len(c.words) {
			words = append(words, c.name+"-"+c.words[i])
		}
	}
	say := func(unlike bool, format string, args ...any) {
		if unlike {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	say(o.ShowTemplate, "show-template")
	say(o.ForbiddenEmpty, "forbidden-empty")
	say(o.EffectDelay > 0, "effect-%s", o.EffectDelay)
	say(o.MinTTL > 0, "min-ttl-%d", o.MinTTL)
	say(o.RetryAfter > 0, "retry-after-%s", o.RetryAfter)
	say(o.StaleReads > 0, "stale-%s", o.StaleReads)
	say(o.StaleReadBacks > 0, "stale-read-backs-%d", o.StaleReadBacks)
	say(o.ShortAfterWrite > 0, "short-%s", o.ShortAfterWrite)
	say(o.AbsentAfterWrite > 0, "absent-%s", o.AbsentAfterWrite)
	say(o.DNSLag > 0, "dns-lag-%s", o.DNSLag)
	say(o.Latency > 0, "latency-%s", o.Latency)
	if len(words) == 0 {
		return "likely"
	}
	return strings.Join(words, ",")
}

// missingCode is the status of what does not exist.
func (o Options) missingCode() int {
	if o.Missing == MissingNotFound {
		return http.StatusNotFound
	}
	return http.StatusBadRequest
}
