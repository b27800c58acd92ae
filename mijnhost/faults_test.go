package mijnhost_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// fault is one thing that goes wrong with a call, and what must come of it.
type fault struct {
	// kind is what the API does, or cut is why no connection to it comes about.
	kind mijnhosttest.Kind
	cut  error
	// once: the same call succeeds when it goes wrong a single time.
	once bool
	// is: the kind of error when it goes wrong for ever.
	is error
	// says: what the error message must contain.
	says string
}

// strike makes calls of the operation go wrong that many times, and for ever with 0.
func (f fault) strike(b bubble, l *line, op mijnhosttest.Operation, times int) {
	if f.cut == nil {
		b.api.Inject(mijnhosttest.Fault{Op: op, Kind: f.kind, Times: times})
		return
	}
	l.fault, l.op, l.times = f.cut, op, times
}

// line is a transport that fails for the calls of one operation as where no connection comes about, that many
// times or for ever. The calls of one challenge come one after the other, so that nothing need be guarded.
type line struct {
	http.RoundTripper
	fault error
	op    mijnhosttest.Operation
	times int
	cuts  int
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.fault == nil || l.op != operationOf(r) || l.times > 0 && l.cuts == l.times {
		return l.RoundTripper.RoundTrip(r)
	}
	l.cuts++
	_ = r.Body.Close()
	return nil, l.fault
}

func operationOf(r *http.Request) mijnhosttest.Operation {
	switch {
	case r.Method == http.MethodPatch:
		return patch
	case r.Method == http.MethodDelete:
		return del
	case strings.HasSuffix(r.URL.Path, "/dns"):
		return read
	default:
		return list
	}
}

// onALine runs test over a transport that can be cut.
func onALine(t *testing.T, test func(bubble, *line)) {
	t.Helper()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		o := b.options()
		l := &line{RoundTripper: o.Transport}
		o.Transport = l
		b.Provider = mijnhost.NewProvider(o)
		test(b, l)
	})
}

const apiWords = "Something is wrong with the frobnicator"

func faults() map[string]fault {
	unavailable, limited := apiclient.ErrUnavailable, apiclient.ErrRateLimited
	return map[string]fault{
		"429":                          {kind: mijnhosttest.RateLimited(nil), once: true, is: limited, says: "HTTP 429"},
		"429 for 5 s":                  {kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(5 * time.Second)), once: true, is: limited, says: "HTTP 429"},
		"429 until a date":             {kind: mijnhosttest.RateLimited(mijnhosttest.AtDate(5 * time.Second)), once: true, is: limited, says: "HTTP 429"},
		"429 for 10 minutes":           {kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Minute)), is: limited, says: "HTTP 429"},
		"429 with nonsense":            {kind: mijnhosttest.RateLimited(mijnhosttest.AsWritten("soon")), once: true, is: limited, says: "HTTP 429"},
		"500":                          {kind: mijnhosttest.StatusSaying(500, apiWords), once: true, is: unavailable, says: "HTTP 500: " + apiWords},
		"500 after the effect":         {kind: mijnhosttest.AfterEffect(mijnhosttest.StatusSaying(500, apiWords)), once: true, is: unavailable, says: apiWords},
		"502 with a page":              {kind: mijnhosttest.HTMLPage(502), once: true, is: unavailable, says: "HTTP 502"},
		"503":                          {kind: mijnhosttest.Unavailable(nil), once: true, is: unavailable, says: "HTTP 503"},
		"503 for 5 s":                  {kind: mijnhosttest.Unavailable(mijnhosttest.InSeconds(5 * time.Second)), once: true, is: unavailable, says: "HTTP 503"},
		"no answer":                    {kind: mijnhosttest.Hang(), once: true, is: unavailable, says: "timed out"},
		"an answer byte by byte":       {kind: mijnhosttest.SlowBody(time.Second), once: true, is: unavailable, says: "timed out"},
		"a reset before the effect":    {kind: mijnhosttest.DropBefore(), once: true, is: unavailable, says: "connection lost"},
		"a reset after the effect":     {kind: mijnhosttest.DropAfter(), once: true, is: unavailable, says: "connection lost"},
		"a truncated body":             {kind: mijnhosttest.Truncated(), once: true, is: unavailable, says: "connection lost"},
		"an endless body":              {kind: mijnhosttest.Endless(), is: unavailable, says: "response larger than 4 MiB"},
		"half of a JSON body":          {kind: mijnhosttest.Malformed(), once: true, says: "unexpected answer from mijn.host (HTTP "},
		"a page with 200":              {kind: mijnhosttest.HTMLPage(200), once: true, is: unavailable, says: "unexpected answer from mijn.host (HTTP 200)"},
		"a 500 inside a 200":           {kind: mijnhosttest.ErrorInside200(500, apiWords), once: true, is: unavailable, says: "HTTP 500: " + apiWords},
		"a 302 inside a 200":           {kind: mijnhosttest.ErrorInside200(302, apiWords), says: "HTTP 302: " + apiWords},
		"a 401 inside a 200":           {kind: mijnhosttest.ErrorInside200(401, apiWords), is: apiclient.ErrKeyRefused, says: "HTTP 401: " + apiWords},
		"401":                          {kind: mijnhosttest.StatusSaying(401, apiWords), is: apiclient.ErrKeyRefused, says: "HTTP 401: " + apiWords},
		"403":                          {kind: mijnhosttest.StatusSaying(403, apiWords), says: "HTTP 403: " + apiWords},
		"405":                          {kind: mijnhosttest.StatusSaying(405, apiWords), says: "HTTP 405: " + apiWords},
		"a redirect to another host":   {kind: mijnhosttest.Redirect(307, "https://elsewhere.example/"), says: "HTTP 307"},
		"a redirect within the host":   {kind: mijnhosttest.Redirect(302, "/api/v2/domains"), says: "HTTP 302"},
		"a page with 404 from a proxy": {kind: mijnhosttest.HTMLPage(404), says: "HTTP 404"},
		"no such host":                 {cut: dialling(&net.DNSError{Err: "no such host", Name: "mijn.host", Server: "10.96.0.10:53", IsNotFound: true}), once: true, is: unavailable, says: "DNS lookup failed"},
		"a refused connection":         {cut: dialling(syscall.ECONNREFUSED), once: true, is: unavailable, says: "connection refused"},
		"an expired certificate":       {cut: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, is: unavailable, says: "expired or not yet valid"},
	}
}

// dialling is a connection that did not come about.
func dialling(why error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: why}
}

// operation is a call of a challenge: how to get there, and the call during which the fault happens.
type operation struct {
	op    mijnhosttest.Operation
	setUp func(bubble)
	call  func(bubble, string) error
	done  func(bubble) bool
}

// wantDone wants success to be the truth, and nothing else to have happened.
func (o operation) wantDone(b bubble) {
	b.Helper()
	if !o.done(b) {
		b.Errorf("success, but the values are %q", b.values())
	}
	b.wantOthersUntouchedBut("_acme-challenge.sub.example.nl.")
}

func operations() map[string]operation {
	stands := func(b bubble) bool { return slices.Contains(b.values(), "value") }
	gone := func(b bubble) bool { return !stands(b) }
	nothing := func(bubble) {}
	present := func(b bubble) { b.must(b.add("value")) }
	return map[string]operation{
		"presenting, read":    {read, nothing, bubble.add, stands},
		"presenting, PATCH":   {patch, nothing, bubble.add, stands},
		"cleaning up, read":   {read, present, bubble.remove, gone},
		"cleaning up, DELETE": {del, present, bubble.remove, gone},
		"finding, list":       {list, nothing, func(b bubble, value string) error { return b.addBelow(value) }, gone},
	}
}

// addBelow presents for a zone that the account does not have as such, so that the list of domains is needed.
func (b bubble) addBelow(value string) error {
	ctx, cancel := contextOfACall(b.Context())
	defer cancel()
	return present(ctx, b.Provider, testKey, "sub.example.nl.", "_acme-challenge.sub.example.nl.", value)
}

func TestFault_TransientIsRetried(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			if !f.once {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				onALine(t, func(b bubble, l *line) {
					o.setUp(b)
					f.strike(b, l, o.op, 1)
					begun := time.Now()
					b.must(o.call(b, "value"))
					if took := time.Since(begun); took > callLimit {
						b.Errorf("took %s", took)
					}
					o.wantDone(b)
				})
			})
		}
	}
}

// TestFault_SucceedsOnNextCall is for those that are not worth a second attempt.
func TestFault_SucceedsOnNextCall(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			if f.once {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				onALine(t, func(b bubble, l *line) {
					o.setUp(b)
					f.strike(b, l, o.op, 1)
					if o.call(b, "value") == nil {
						b.Error("want an error")
					}
					b.must(retry(func() error { return o.call(b, "value") }, 8))
					o.wantDone(b)
				})
			})
		}
	}
}

// TestFault_WrongContentType: a proxy can change the content type.
func TestFault_WrongContentType(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for timesName, times := range map[string]int{"once": 1, "for ever": 0} {
			t.Run(opName+", "+timesName, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					o.setUp(b)
					b.api.Inject(mijnhosttest.Fault{Op: o.op, Kind: mijnhosttest.WrongContentType(), Times: times})
					begun := time.Now()
					b.must(o.call(b, "value"))
					if took := time.Since(begun); took != 0 {
						b.Errorf("took %s: something was tried again", took)
					}
					o.wantDone(b)
				})
			})
		}
	}
}

// unsteady matches what a message must not contain: an address with a port, a time, a count.
var unsteady = regexp.MustCompile(`\d:\d|\d+ ?(s|ms|seconds|attempts|tries)\b|0x[0-9a-f]+|<|\n`)

func TestFault_PermanentHasConstantMessage(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			t.Run(opName+", "+faultName, func(t *testing.T) {
				onALine(t, func(b bubble, l *line) {
					o.setUp(b)
					f.strike(b, l, o.op, 0)
					var before string
					for range 2 {
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

func TestPresent_RejectedKeyTakesOneCall(t *testing.T) {
	t.Parallel()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		b.api.RevokeKey(testKey)
		if err := b.add("value"); !errors.Is(err, apiclient.ErrKeyRefused) {
			b.Errorf("got %v, want ErrKeyRefused", err)
		}
		b.wantCalls(read)
	})
}
