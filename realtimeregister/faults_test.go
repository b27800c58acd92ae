package realtimeregister_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sim "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// fault is a failure of a call, and its expected result.
type fault struct {
	kind        sim.Kind
	wantMessage string // in the error message, if reads keep failing
	affects     calls  // the calls that it affects
}

type calls int

const (
	all calls = iota
	updates
	reads
)

// matters reports whether the fault affects a call of the API.
func (f fault) matters(op sim.Operation) bool {
	return op == "" || f.affects == all || (f.affects == updates) == (op == sim.OpUpdateZone)
}

const apiMessage = "Something is wrong with the frobnicator"

func faults() map[string]fault {
	return map[string]fault{
		"429":                                {sim.RateLimited(nil), "HTTP 429", all},
		"429, 5 s":                           {sim.RateLimited(sim.InSeconds(5 * time.Second)), "HTTP 429", all},
		"429, date":                          {sim.RateLimited(sim.AtDate(5 * time.Second)), "HTTP 429", all},
		"429, 10 minutes":                    {sim.RateLimited(sim.InSeconds(10 * time.Minute)), "HTTP 429", all},
		"429, invalid Retry-After":           {sim.RateLimited(sim.AsWritten("soon")), "HTTP 429", all},
		"429 after effect":                   {sim.AfterEffect(sim.RateLimited(nil)), "HTTP 429", updates},
		"400":                                {sim.Failure(400, "ValidationError", apiMessage), apiMessage, all},
		"400 ProcessError":                   {sim.Failure(400, "ProcessError", apiMessage), apiMessage, all},
		"400 ObjectStatusProhibitsOperation": {sim.Failure(400, "ObjectStatusProhibitsOperation", apiMessage), apiMessage, all},
		"400 after effect":                   {sim.AfterEffect(sim.Failure(400, "ValidationError", apiMessage)), apiMessage, updates},
		"401":                                {sim.Status(401), "rejects the API key", all},
		"401 without a body":                 {sim.EmptyFailure(401), "rejects the API key", all},
		"403":                                {sim.Status(403), "VIEW_DNS_ZONE and UPDATE_DNS_ZONE", all},
		"403 without a body":                 {sim.EmptyFailure(403), "VIEW_DNS_ZONE and UPDATE_DNS_ZONE", all},
		"404":                                {sim.Status(404), "", all},
		"415":                                {sim.Failure(415, "UnsupportedMediaType", apiMessage), apiMessage, all},
		"500":                                {sim.Failure(500, "InternalSRSError", apiMessage), apiMessage, all},
		"500 after effect":                   {sim.AfterEffect(sim.Failure(500, "InternalSRSError", apiMessage)), apiMessage, updates},
		"502 HTML page":                      {sim.HTMLPage(502), "HTTP 502", all},
		"503":                                {sim.Unavailable(nil), "HTTP 503", all},
		"503, 5 s":                           {sim.Unavailable(sim.InSeconds(5 * time.Second)), "HTTP 503", all},
		"202":                                {sim.Accepted(), "", all},
		"hang":                               {sim.Hang(), "timed out", all},
		"slow body":                          {sim.SlowBody(time.Second), "timed out", all},
		"slow":                               {sim.Slow(6 * time.Second), "", all},
		"reset before effect":                {sim.DropBefore(), "connection lost", all},
		"reset after effect":                 {sim.DropAfter(), "connection lost", updates},
		"effect after 3 s":                   {sim.DropThenEffect(3 * time.Second), "connection lost", updates},
		"effect after 40 s":                  {sim.DropThenEffect(40 * time.Second), "connection lost", updates},
		"truncated body":                     {sim.Truncated(), "connection lost", all},
		"endless body":                       {sim.Endless(), "response larger than 4 MiB", all},
		"malformed JSON":                     {sim.Malformed(), "unexpected answer from Realtime Register", all},
		"200 HTML page":                      {sim.HTMLPage(200), "unexpected answer from Realtime Register", all},
		"403 HTML page":                      {sim.HTMLPage(403), "", all},
		"404 HTML page":                      {sim.HTMLPage(404), "HTTP 404", all},
		"JSON of another shape":              {sim.OtherShape(`["a"]`), "unexpected answer from Realtime Register", all},
		"null":                               {sim.OtherShape(`null`), "unexpected answer from Realtime Register", all},
		"redirect":                           {sim.Redirect(307, "https://elsewhere.example/"), "HTTP 307", all},
		"wrong content type":                 {sim.WrongContentType(), "", all},
		"short read":                         {sim.ShortRead(), "", reads},
		"absent records":                     {sim.AbsentRecords(), "", reads},
		"empty records":                      {sim.EmptyRecords(), "", reads},
		"null records":                       {sim.NullRecords(), "", reads},
		"records as a string":                {sim.OtherRecords(`"none"`), "", reads},
		"records of null":                    {sim.OtherRecords(`[null]`), "", reads},
		"other zone":                         {sim.OtherName("example.org"), "", reads},
		"no zones":                           {sim.NoZones(), "", reads},
	}
}

// operation is a call of a challenge, and the API operation that fails in it.
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
	presented := func(w world) { w.must(w.add(acme(1))) }
	add := func(w world) error { return w.add(acme(1)) }
	remove := func(w world) error { return w.remove(acme(1)) }
	return map[string]operation{
		"Present, list":   {sim.OpListZones, nothing, add, exists},
		"Present, read":   {sim.OpReadZone, nothing, add, exists},
		"Present, update": {sim.OpUpdateZone, nothing, add, exists},
		"CleanUp, read":   {sim.OpReadZone, presented, remove, gone},
		"CleanUp, update": {sim.OpUpdateZone, presented, remove, gone},
	}
}

// After a fault, cert-manager's retries succeed, and the records of others are unchanged.
func TestFault_TransientIsRetried(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		if opName == "CleanUp, read" {
			continue // the same code as Present, read
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
						start := time.Now()
						err := o.call(w)
						if elapsed := time.Since(start); elapsed > callLimit {
							w.Errorf("took %s", elapsed)
						}
						return err
					}, 9))
					if !o.done(w) {
						w.Errorf("success, but got values %q", w.api.TXTValues(w.zone, testName))
					}
					w.wantOthersUntouched()
				})
			})
		}
	}
}

// unsteady matches what a message must not contain: an address with a port, a time, a count.
var unsteady = regexp.MustCompile(`\d:\d|\d+ ?(s|ms|seconds|attempts|tries)\b|0x[0-9a-f]+|<|\n`)

// The call fails within 25 s and after few API calls, and CleanUp never succeeds while the value exists.
func TestFault_PermanentHasConstantMessage(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		if opName == "Present, read" {
			continue // the same code as CleanUp, read
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
						start := time.Now()
						err := o.call(w)
						if elapsed := time.Since(start); elapsed > callLimit {
							w.Errorf("took %s", elapsed)
						}
						if err == nil {
							break // it took effect despite the failure
						}
						message := err.Error()
						switch {
						case o.op != sim.OpUpdateZone && !strings.Contains(message, f.wantMessage):
							w.Errorf("got %q, want it to contain %q", message, f.wantMessage)
						case strings.Contains(message, testKey), unsteady.MatchString(message), len(message) > 400:
							w.Errorf("%q has variable parts", message)
						case before != "" && message != before && o.op != sim.OpUpdateZone:
							w.Errorf("message changed from %q to %q", before, message)
						}
						before = message
						time.Sleep(20 * time.Second)
					}
					if calls := w.api.Calls(); calls > 40 {
						w.Errorf("got %d calls", calls)
					}
					if posts := w.api.CallsOf(sim.OpUpdateZone); posts > 2 {
						w.Errorf("got %d updates", posts)
					}
					w.wantOthersUntouched()
				})
			})
		}
	}
}
