package mijnhost_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// fault is one thing that goes wrong with a call, and what must come of it.
type fault struct {
	kind mijnhosttest.Kind
	// once: the same call succeeds when it goes wrong a single time.
	once bool
	// is: the kind of error when it goes wrong for ever.
	is error
	// says: what the message of that error must hold.
	says string
}

const apiWords = "Something is wrong with the frobnicator"

func faults() map[string]fault {
	unavailable, limited := mijnhost.ErrUnavailable, mijnhost.ErrRateLimited
	return map[string]fault{
		"429":                          {mijnhosttest.RateLimited(nil), true, limited, "HTTP 429"},
		"429 for 5 s":                  {mijnhosttest.RateLimited(mijnhosttest.InSeconds(5 * time.Second)), true, limited, "HTTP 429"},
		"429 until a date":             {mijnhosttest.RateLimited(mijnhosttest.AtDate(5 * time.Second)), true, limited, "HTTP 429"},
		"429 for 10 minutes":           {mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Minute)), false, limited, "HTTP 429"},
		"429 with nonsense":            {mijnhosttest.RateLimited(mijnhosttest.AsWritten("soon")), true, limited, "HTTP 429"},
		"500":                          {mijnhosttest.StatusSaying(500, apiWords), true, unavailable, "HTTP 500: " + apiWords},
		"500 after the effect":         {mijnhosttest.AfterEffect(mijnhosttest.StatusSaying(500, apiWords)), true, unavailable, apiWords},
		"502 with a page":              {mijnhosttest.HTMLPage(502), true, unavailable, "HTTP 502"},
		"503":                          {mijnhosttest.Unavailable(nil), true, unavailable, "HTTP 503"},
		"503 for 5 s":                  {mijnhosttest.Unavailable(mijnhosttest.InSeconds(5 * time.Second)), true, unavailable, "HTTP 503"},
		"no answer":                    {mijnhosttest.Hang(), true, unavailable, "no answer in time"},
		"an answer byte by byte":       {mijnhosttest.SlowBody(time.Second), true, unavailable, "no answer in time"},
		"a reset before the effect":    {mijnhosttest.DropBefore(), true, unavailable, "the connection broke off"},
		"a reset after the effect":     {mijnhosttest.DropAfter(), true, unavailable, "the connection broke off"},
		"a truncated body":             {mijnhosttest.Truncated(), true, unavailable, "the connection broke off"},
		"an endless body":              {mijnhosttest.Endless(), true, unavailable, "the answer is larger than 4 MiB"},
		"half of a JSON body":          {mijnhosttest.Malformed(), true, nil, "with something that is not JSON"},
		"a page with 200":              {mijnhosttest.HTMLPage(200), true, unavailable, "HTTP 200 with something that is not JSON"},
		"a 500 inside a 200":           {mijnhosttest.ErrorInside200(500, apiWords), true, unavailable, "HTTP 500: " + apiWords},
		"a 401 inside a 200":           {mijnhosttest.ErrorInside200(401, apiWords), false, mijnhost.ErrKeyRefused, "HTTP 401: " + apiWords},
		"401":                          {mijnhosttest.StatusSaying(401, apiWords), false, mijnhost.ErrKeyRefused, "HTTP 401: " + apiWords},
		"403":                          {mijnhosttest.StatusSaying(403, apiWords), false, nil, "HTTP 403: " + apiWords},
		"405":                          {mijnhosttest.StatusSaying(405, apiWords), false, nil, "HTTP 405: " + apiWords},
		"a redirect to another host":   {mijnhosttest.Redirect(307, "https://elsewhere.example/"), false, nil, "HTTP 307"},
		"a redirect within the host":   {mijnhosttest.Redirect(302, "/api/v2/domains"), false, nil, "HTTP 302"},
		"a page with 404 from a proxy": {mijnhosttest.HTMLPage(404), false, nil, "HTTP 404"},
	}
}

// operations are the calls of a challenge: how to get there, and the call during which the fault happens.
func operations() map[string]struct {
	op    mijnhosttest.Operation
	setUp func(bubble)
	call  func(bubble, string) error
	done  func(bubble) bool
} {
	type operation = struct {
		op    mijnhosttest.Operation
		setUp func(bubble)
		call  func(bubble, string) error
		done  func(bubble) bool
	}
	stands := func(b bubble) bool { return slices.Contains(b.values(), "value") }
	gone := func(b bubble) bool { return !stands(b) }
	nothing := func(bubble) {}
	present := func(b bubble) { b.must(b.add("value")) }
	return map[string]operation{
		"presenting, read":         {read, nothing, bubble.add, stands},
		"presenting, PATCH":        {patch, nothing, bubble.add, stands},
		"cleaning up, read":        {read, present, bubble.remove, gone},
		"cleaning up, DELETE":      {del, present, bubble.remove, gone},
		"finding, list":            {list, nothing, func(b bubble, value string) error { return b.addBelow(value) }, gone},
		"presenting beside, PATCH": {patch, func(b bubble) { b.must(b.add("sibling")) }, bubble.add, stands},
	}
}

// addBelow presents for a zone that the account does not have as such, so that the list of domains is needed.
func (b bubble) addBelow(value string) error {
	ctx, cancel := contextOfACall(b.Context())
	defer cancel()
	return b.AddTXT(ctx, testKey, "sub.example.nl.", "_acme-challenge.sub.example.nl.", value, 60)
}

func TestAFaultThatPassesIsOutlived(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			if !f.once {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					o.setUp(b)
					b.api.Inject(mijnhosttest.Fault{Op: o.op, Kind: f.kind, Times: 1})
					begun := time.Now()
					b.must(o.call(b, "value"))
					if took := time.Since(begun); took > callLimit {
						b.Errorf("took %s", took)
					}
					b.wantOthersUntouchedBut("_acme-challenge.sub.example.nl.")
				})
			})
		}
	}
}

// unsteady is what a message must not hold: an address with a port, a time, a count.
var unsteady = regexp.MustCompile(`\d:\d|\d+ ?(s|ms|seconds|attempts|tries)\b|0x[0-9a-f]+|<|\n`)

func TestAFaultThatStaysGivesOneConstantMessage(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			t.Run(opName+", "+faultName, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					o.setUp(b)
					b.api.Inject(mijnhosttest.Fault{Op: o.op, Kind: f.kind})
					var before string
					for range 3 {
						begun := time.Now()
						err := o.call(b, "value")
						if took := time.Since(begun); took > callLimit {
							b.Errorf("took %s", took)
						}
						if err == nil {
							if before == "" || !o.done(b) {
								b.Fatal("want an error")
							}
							return // the effect came in spite of the answer
						}
						message := err.Error()
						switch {
						case f.is != nil && !errors.Is(err, f.is):
							b.Errorf("got %v, want %v", err, f.is)
						case !strings.Contains(message, f.says):
							b.Errorf("%q does not say %q", message, f.says)
						case strings.Contains(message, testKey), unsteady.MatchString(message), len(message) > 300:
							b.Errorf("%q is not fit for a Challenge's status", message)
						case before != "" && message != before:
							b.Errorf("the message changed from %q to %q", before, message)
						}
						before = message
						time.Sleep(5 * time.Second)
					}
					b.wantOthersUntouched()
				})
			})
		}
	}
}

func TestARefusedKeyCostsOneCall(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.RevokeKey(testKey)
		if err := b.add("value"); !errors.Is(err, mijnhost.ErrKeyRefused) {
			b.Errorf("got %v, want ErrKeyRefused", err)
		}
		b.wantCalls(read)
	})
}
