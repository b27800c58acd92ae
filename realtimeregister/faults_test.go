package realtimeregister_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// fault is one thing that goes wrong with a call.
type fault struct {
	kind sim.Kind
	says string // part of the message if a read keeps failing
	on   calls  // which calls it can make a difference for
}

type calls int

const (
	all calls = iota
	updates
	reads
)

// matters reports whether the fault makes a difference for a call of the API.
func (f fault) matters(op sim.Operation) bool {
	return op == "" || f.on == all || (f.on == updates) == (op == sim.OpUpdateZone)
}

const apiWords = "Something is wrong with the frobnicator"

func faults() map[string]fault {
	return map[string]fault{
		"429":                       {sim.RateLimited(nil), "HTTP 429", all},
		"429 for 5 s":               {sim.RateLimited(sim.InSeconds(5 * time.Second)), "HTTP 429", all},
		"429 until a date":          {sim.RateLimited(sim.AtDate(5 * time.Second)), "HTTP 429", all},
		"429 for 10 minutes":        {sim.RateLimited(sim.InSeconds(10 * time.Minute)), "HTTP 429", all},
		"429 with nonsense":         {sim.RateLimited(sim.AsWritten("soon")), "HTTP 429", all},
		"429 after the effect":      {sim.AfterEffect(sim.RateLimited(nil)), "HTTP 429", updates},
		"400":                       {sim.Failure(400, "ValidationError", apiWords), apiWords, all},
		"400 that may pass":         {sim.Failure(400, "ProcessError", apiWords), apiWords, all},
		"400 for the status":        {sim.Failure(400, "ObjectStatusProhibitsOperation", apiWords), apiWords, all},
		"400 after the effect":      {sim.AfterEffect(sim.Failure(400, "ValidationError", apiWords)), apiWords, updates},
		"401":                       {sim.Status(401), "rejects the API key", all},
		"401 without a body":        {sim.EmptyFailure(401), "rejects the API key", all},
		"403":                       {sim.Status(403), "VIEW_DNS_ZONE and UPDATE_DNS_ZONE", all},
		"403 without a body":        {sim.EmptyFailure(403), "VIEW_DNS_ZONE and UPDATE_DNS_ZONE", all},
		"404":                       {sim.Status(404), "", all},
		"415":                       {sim.Failure(415, "UnsupportedMediaType", apiWords), apiWords, all},
		"500":                       {sim.Failure(500, "InternalSRSError", apiWords), apiWords, all},
		"500 after the effect":      {sim.AfterEffect(sim.Failure(500, "InternalSRSError", apiWords)), apiWords, updates},
		"502 with a page":           {sim.HTMLPage(502), "HTTP 502", all},
		"503":                       {sim.Unavailable(nil), "HTTP 503", all},
		"503 for 5 s":               {sim.Unavailable(sim.InSeconds(5 * time.Second)), "HTTP 503", all},
		"202":                       {sim.Accepted(), "", all},
		"no answer":                 {sim.Hang(), "timed out", all},
		"an answer byte by byte":    {sim.SlowBody(time.Second), "timed out", all},
		"slow":                      {sim.Slow(6 * time.Second), "", all},
		"a reset before the effect": {sim.DropBefore(), "connection lost", all},
		"a reset after the effect":  {sim.DropAfter(), "connection lost", updates},
		"an effect 3 s later":       {sim.DropThenEffect(3 * time.Second), "connection lost", updates},
		"an effect 40 s later":      {sim.DropThenEffect(40 * time.Second), "connection lost", updates},
		"a truncated body":          {sim.Truncated(), "connection lost", all},
		"an endless body":           {sim.Endless(), "response larger than 4 MiB", all},
		"half of a JSON body":       {sim.Malformed(), "unexpected answer from Realtime Register", all},
		"a page with 200":           {sim.HTMLPage(200), "unexpected answer from Realtime Register", all},
		"a page with 403":           {sim.HTMLPage(403), "", all},
		"a page with 404":           {sim.HTMLPage(404), "HTTP 404", all},
		"JSON of another shape":     {sim.OtherShape(`["a"]`), "unexpected answer from Realtime Register", all},
		"null":                      {sim.OtherShape(`null`), "unexpected answer from Realtime Register", all},
		"a redirect":                {sim.Redirect(307, "https://elsewhere.example/"), "HTTP 307", all},
		"another content type":      {sim.WrongContentType(), "", all},
		"short reads":               {sim.ShortRead(), "", reads},
		"absent records":            {sim.AbsentRecords(), "", reads},
		"empty records":             {sim.EmptyRecords(), "", reads},
		"null records":              {sim.NullRecords(), "", reads},
		"records as a string":       {sim.OtherRecords(`"none"`), "", reads},
		"records of null":           {sim.OtherRecords(`[null]`), "", reads},
		"another zone":              {sim.OtherName("example.org"), "", reads},
		"no zones":                  {sim.NoZones(), "", reads},
	}
}

// operation is a call of a challenge, and the call of the API that goes wrong.
type operation struct {
	op    sim.Operation
	setUp func(world)
	call  func(world) error
	done  func(world) bool
}

func operations() map[string]operation {
	exists := func(w world) bool { return slices.Contains(w.api.TXTValues(w.zone, testName), acme(1)) }
	gone := func(w world) bool { return !exists(w) }
	nothing := func(world) {}
	there := func(w world) { w.must(w.add(acme(1))) }
	add := func(w world) error { return w.add(acme(1)) }
	remove := func(w world) error { return w.remove(acme(1)) }
	return map[string]operation{
		"presenting, list":    {sim.OpListZones, nothing, add, exists},
		"presenting, read":    {sim.OpReadZone, nothing, add, exists},
		"presenting, update":  {sim.OpUpdateZone, nothing, add, exists},
		"cleaning up, read":   {sim.OpReadZone, there, remove, gone},
		"cleaning up, update": {sim.OpUpdateZone, there, remove, gone},
	}
}

// TestAFaultIsOver: once a fault has passed, cert-manager's retries succeed, and the records of others are unchanged.
func TestAFaultIsOver(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		if opName == "cleaning up, read" {
			continue // the same code as presenting, read
		}
		for faultName, f := range faults() {
			if !f.matters(o.op) {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				t.Parallel()
				inBubble(t, sim.Options{}, func(w world) {
					o.setUp(w)
					w.api.Inject(sim.Fault{Op: o.op, Kind: f.kind, Times: 1})
					w.must(retry(func() error {
						begun := time.Now()
						err := o.call(w)
						if took := time.Since(begun); took > callLimit {
							w.Errorf("took %s", took)
						}
						return err
					}, 9))
					if !o.done(w) {
						w.Errorf("success, and the values are %q", w.api.TXTValues(w.zone, testName))
					}
					w.wantOthersUntouched()
				})
			})
		}
	}
}

// unsteady is what a message must not hold: an address with a port, a time, a count.
var unsteady = regexp.MustCompile(`\d:\d|\d+ ?(s|ms|seconds|attempts|tries)\b|0x[0-9a-f]+|<|\n`)

// TestAFaultThatStaysGivesOneConstantMessage within 25 s and in few calls, and a clean-up never succeeds while the value
// exists.
func TestAFaultThatStaysGivesOneConstantMessage(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		if opName == "presenting, read" {
			continue // the same code as cleaning up, read
		}
		for faultName, f := range faults() {
			if !f.matters(o.op) {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				t.Parallel()
				inBubble(t, sim.Options{}, func(w world) {
					o.setUp(w)
					w.api.ResetRequests()
					w.api.Inject(sim.Fault{Op: o.op, Kind: f.kind})
					var before string
					for range 2 {
						begun := time.Now()
						err := o.call(w)
						if took := time.Since(begun); took > callLimit {
							w.Errorf("took %s", took)
						}
						if err == nil {
							break // the effect came in spite of the answer
						}
						message := err.Error()
						switch {
						case o.op != sim.OpUpdateZone && !strings.Contains(message, f.says):
							w.Errorf("%q does not say %q", message, f.says)
						case strings.Contains(message, testKey), unsteady.MatchString(message), len(message) > 400:
							w.Errorf("%q is not fit for a Challenge's status", message)
						case before != "" && message != before && o.op != sim.OpUpdateZone:
							w.Errorf("the message changed from %q to %q", before, message)
						}
						before = message
						time.Sleep(20 * time.Second)
					}
					if calls := w.api.Calls(); calls > 40 {
						w.Errorf("%d calls", calls)
					}
					if posts := w.api.CallsOf(sim.OpUpdateZone); posts > 4 { // two for a 404, which has the zone looked for again
						w.Errorf("%d updates", posts)
					}
					w.wantOthersUntouched()
				})
			})
		}
	}
}
