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

// fault is a failure of a call, and its expected result.
type fault struct {
	// kind is the API's response. cut is the transport's error instead.
	kind mijnhosttest.Kind
	cut  error
	// retried: the call succeeds if it fails only once.
	retried bool
	// wantErr is the error if it fails permanently.
	wantErr error
	// wantMessage must be in the error message.
	wantMessage string
}

// inject makes calls of the operation fail that many times; 0 means permanently.
func (f fault) inject(b bubble, l *brokenTransport, op mijnhosttest.Operation, times int) {
	if f.cut == nil {
		b.api.Inject(mijnhosttest.Fault{Op: op, Kind: f.kind, Times: times})
		return
	}
	l.fault, l.op, l.times = f.cut, op, times
}

// brokenTransport fails calls of one operation, as if it cannot connect. It needs no lock, because the calls of one
// challenge are sequential.
type brokenTransport struct {
	http.RoundTripper
	fault    error
	op       mijnhosttest.Operation
	times    int
	failures int
}

func (l *brokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.fault == nil || l.op != operationOf(r) || l.times > 0 && l.failures == l.times {
		return l.RoundTripper.RoundTrip(r)
	}
	l.failures++
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

// inBrokenBubble runs test with a brokenTransport.
func inBrokenBubble(t *testing.T, test func(bubble, *brokenTransport)) {
	t.Helper()
	inBubble(t, mijnhosttest.Options{}, func(b bubble) {
		o := b.options()
		l := &brokenTransport{RoundTripper: o.Transport}
		o.Transport = l
		b.Provider = mijnhost.NewProvider(o)
		test(b, l)
	})
}

const apiMessage = "Something is wrong with the frobnicator"

func faults() map[string]fault {
	unavailable, limited := apiclient.ErrUnavailable, apiclient.ErrRateLimited
	return map[string]fault{
		"429":                      {kind: mijnhosttest.RateLimited(nil), retried: true, wantErr: limited, wantMessage: "HTTP 429"},
		"429, 5 s":                 {kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(5 * time.Second)), retried: true, wantErr: limited, wantMessage: "HTTP 429"},
		"429, date":                {kind: mijnhosttest.RateLimited(mijnhosttest.AtDate(5 * time.Second)), retried: true, wantErr: limited, wantMessage: "HTTP 429"},
		"429, 10 minutes":          {kind: mijnhosttest.RateLimited(mijnhosttest.InSeconds(10 * time.Minute)), wantErr: limited, wantMessage: "HTTP 429"},
		"429, invalid Retry-After": {kind: mijnhosttest.RateLimited(mijnhosttest.AsWritten("soon")), retried: true, wantErr: limited, wantMessage: "HTTP 429"},
		"500":                      {kind: mijnhosttest.StatusMessage(500, apiMessage), retried: true, wantErr: unavailable, wantMessage: "HTTP 500: " + apiMessage},
		"500 after effect":         {kind: mijnhosttest.AfterEffect(mijnhosttest.StatusMessage(500, apiMessage)), retried: true, wantErr: unavailable, wantMessage: apiMessage},
		"502 HTML page":            {kind: mijnhosttest.HTMLPage(502), retried: true, wantErr: unavailable, wantMessage: "HTTP 502"},
		"503":                      {kind: mijnhosttest.Unavailable(nil), retried: true, wantErr: unavailable, wantMessage: "HTTP 503"},
		"503, 5 s":                 {kind: mijnhosttest.Unavailable(mijnhosttest.InSeconds(5 * time.Second)), retried: true, wantErr: unavailable, wantMessage: "HTTP 503"},
		"hang":                     {kind: mijnhosttest.Hang(), retried: true, wantErr: unavailable, wantMessage: "timed out"},
		"slow body":                {kind: mijnhosttest.SlowBody(time.Second), retried: true, wantErr: unavailable, wantMessage: "timed out"},
		"reset before effect":      {kind: mijnhosttest.DropBefore(), retried: true, wantErr: unavailable, wantMessage: "connection lost"},
		"reset after effect":       {kind: mijnhosttest.DropAfter(), retried: true, wantErr: unavailable, wantMessage: "connection lost"},
		"truncated body":           {kind: mijnhosttest.Truncated(), retried: true, wantErr: unavailable, wantMessage: "connection lost"},
		"endless body":             {kind: mijnhosttest.Endless(), wantErr: unavailable, wantMessage: "response larger than 4 MiB"},
		"malformed JSON":           {kind: mijnhosttest.Malformed(), retried: true, wantMessage: "unexpected answer from mijn.host (HTTP "},
		"200 HTML page":            {kind: mijnhosttest.HTMLPage(200), retried: true, wantErr: unavailable, wantMessage: "unexpected answer from mijn.host (HTTP 200)"},
		"500 inside 200":           {kind: mijnhosttest.ErrorInside200(500, apiMessage), retried: true, wantErr: unavailable, wantMessage: "HTTP 500: " + apiMessage},
		"302 inside 200":           {kind: mijnhosttest.ErrorInside200(302, apiMessage), wantMessage: "HTTP 302: " + apiMessage},
		"401 inside 200":           {kind: mijnhosttest.ErrorInside200(401, apiMessage), wantErr: apiclient.ErrKeyRefused, wantMessage: "HTTP 401: " + apiMessage},
		"401":                      {kind: mijnhosttest.StatusMessage(401, apiMessage), wantErr: apiclient.ErrKeyRefused, wantMessage: "HTTP 401: " + apiMessage},
		"403":                      {kind: mijnhosttest.StatusMessage(403, apiMessage), wantMessage: "HTTP 403: " + apiMessage},
		"405":                      {kind: mijnhosttest.StatusMessage(405, apiMessage), wantMessage: "HTTP 405: " + apiMessage},
		"redirect to another host": {kind: mijnhosttest.Redirect(307, "https://elsewhere.example/"), wantMessage: "HTTP 307"},
		"redirect within the host": {kind: mijnhosttest.Redirect(302, "/api/v2/domains"), wantMessage: "HTTP 302"},
		"404 HTML page":            {kind: mijnhosttest.HTMLPage(404), wantMessage: "HTTP 404"},
		"no such host":             {cut: dialling(&net.DNSError{Err: "no such host", Name: "mijn.host", Server: "10.96.0.10:53", IsNotFound: true}), retried: true, wantErr: unavailable, wantMessage: "DNS lookup failed"},
		"connection refused":       {cut: dialling(syscall.ECONNREFUSED), retried: true, wantErr: unavailable, wantMessage: "connection refused"},
		"expired certificate":      {cut: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, wantErr: unavailable, wantMessage: "expired or not yet valid"},
	}
}

// dialling returns an error of a failed connection.
func dialling(why error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: why}
}

// operation is a call of a challenge, and the API operation that fails in it.
type operation struct {
	op    mijnhosttest.Operation
	setUp func(bubble)
	call  func(bubble, string) error
	done  func(bubble) bool
}

// wantDone requires that the success is real, and that no other record changed.
func (o operation) wantDone(b bubble) {
	b.Helper()
	if !o.done(b) {
		b.Errorf("success, but got values %q", b.values())
	}
	b.wantOthersUntouchedBut("_acme-challenge.sub.example.nl.")
}

func operations() map[string]operation {
	exists := func(b bubble) bool { return slices.Contains(b.values(), "value") }
	gone := func(b bubble) bool { return !exists(b) }
	nothing := func(bubble) {}
	present := func(b bubble) { b.must(b.add("value")) }
	return map[string]operation{
		"Present, read":   {read, nothing, bubble.add, exists},
		"Present, PATCH":  {patch, nothing, bubble.add, exists},
		"CleanUp, read":   {read, present, bubble.remove, gone},
		"CleanUp, DELETE": {del, present, bubble.remove, gone},
		"Present, list":   {list, nothing, func(b bubble, value string) error { return b.addBelow(value) }, gone},
	}
}

// addBelow presents in a zone that is not a domain of the account, so it needs the list of domains.
func (b bubble) addBelow(value string) error {
	ctx, cancel := callContext(b.Context())
	defer cancel()
	return present(ctx, b.Provider, testKey, "sub.example.nl.", "_acme-challenge.sub.example.nl.", value)
}

func TestFault_TransientIsRetried(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			if !f.retried {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				inBrokenBubble(t, func(b bubble, l *brokenTransport) {
					o.setUp(b)
					f.inject(b, l, o.op, 1)
					start := time.Now()
					b.must(o.call(b, "value"))
					if elapsed := time.Since(start); elapsed > callLimit {
						b.Errorf("took %s", elapsed)
					}
					o.wantDone(b)
				})
			})
		}
	}
}

// Some failures are not retried within a call.
func TestFault_SucceedsOnNextCall(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for faultName, f := range faults() {
			if f.retried {
				continue
			}
			t.Run(opName+", "+faultName, func(t *testing.T) {
				inBrokenBubble(t, func(b bubble, l *brokenTransport) {
					o.setUp(b)
					f.inject(b, l, o.op, 1)
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

// A proxy can change the content type.
func TestFault_WrongContentType(t *testing.T) {
	t.Parallel()
	for opName, o := range operations() {
		for timesName, times := range map[string]int{"once": 1, "permanent": 0} {
			t.Run(opName+", "+timesName, func(t *testing.T) {
				inBubble(t, mijnhosttest.Options{}, func(b bubble) {
					o.setUp(b)
					b.api.Inject(mijnhosttest.Fault{Op: o.op, Kind: mijnhosttest.WrongContentType(), Times: times})
					start := time.Now()
					b.must(o.call(b, "value"))
					if elapsed := time.Since(start); elapsed != 0 {
						b.Errorf("took %s, want no retry", elapsed)
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
				inBrokenBubble(t, func(b bubble, l *brokenTransport) {
					o.setUp(b)
					f.inject(b, l, o.op, 0)
					var before string
					for range 2 {
						start := time.Now()
						err := o.call(b, "value")
						if elapsed := time.Since(start); elapsed > callLimit {
							b.Errorf("took %s", elapsed)
						}
						if err == nil {
							if before == "" || !o.done(b) {
								b.Fatal("want an error")
							}
							return // it took effect despite the failure
						}
						message := err.Error()
						switch {
						case f.wantErr != nil && !errors.Is(err, f.wantErr):
							b.Errorf("got %v, want %v", err, f.wantErr)
						case !strings.Contains(message, f.wantMessage):
							b.Errorf("got %q, want it to contain %q", message, f.wantMessage)
						case strings.Contains(message, testKey), unsteady.MatchString(message), len(message) > 300:
							b.Errorf("%q has variable parts", message)
						case before != "" && message != before:
							b.Errorf("message changed from %q to %q", before, message)
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
