// Package apiclient calls the JSON API of a DNS host over HTTPS: authentication, retries, a cool-down after a 429, a limit on
// requests in flight, and constant error messages. It knows nothing about any host.
package apiclient

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/semaphore"
)

// Operation names one call of an API in errors, metrics and logs.
type Operation string

// Call is one request, without authentication.
type Call struct {
	Op     Operation
	Method string
	// Path is relative to the base URL, already escaped, and may have a query.
	Path string
	// Body is JSON, or nil for none.
	Body []byte
	// Decode reads the data of a successful response; nil ignores it. If Decode fails, the client retries the call.
	Decode func(data []byte) error
	// OnlyOK: only a 200 is success, no other 2xx.
	OnlyOK bool
	// Once: never retry.
	Once bool
}

// Options configure a client.
type Options struct {
	// Host is the host's name in errors and logs, such as "mijn.host".
	Host      string
	BaseURL   string
	UserAgent string
	// Transport sends the requests; nil means NewTransport().
	Transport http.RoundTripper
	// MaxInFlight limits concurrent attempts; 0 means 8.
	MaxInFlight int
	// LargeAnswers is the limit that all clients share; nil means a limit for this client.
	LargeAnswers LargeAnswers
	// Observer may be nil.
	Observer Observer
	// Authenticate adds the API key to a request.
	Authenticate func(header http.Header, apiKey string)
	// Read interprets a response; nil means ReadPlain.
	Read func(status int, body []byte) Answer
}

const (
	// attemptTimeout allows three attempts within the 25 s of a challenge if a server hangs.
	attemptTimeout = 8 * time.Second
	// deadlineMargin ends a call before its caller's deadline, so that the error is the API's last response and not the deadline.
	deadlineMargin = 500 * time.Millisecond
)

// Client makes the calls of one API key. All callers share its limit of requests in flight and its cool-down.
type Client struct{ send handler }

type request struct {
	call     Call
	attempts int
}

// handler sends a request. Each layer of the client wraps the next one. Errors are *Error.
type handler func(context.Context, *request) error

// New returns a client for one API key.
func New(o Options, apiKey string) *Client {
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	o.MaxInFlight = cmp.Or(o.MaxInFlight, 8)
	if o.LargeAnswers == nil {
		o.LargeAnswers = NewLargeAnswers()
	}
	o.Observer = cmp.Or[Observer](o.Observer, unobserved{})
	if o.Read == nil {
		o.Read = ReadPlain
	}
	// From the inside out: a call passes the last layer first.
	send := overHTTP(o, apiKey)
	send = observed(send, o)
	send = cooled(send, newCoolDown(), o)
	send = limited(send, o) // outside cooled: a queued call checks the cool-down afterwards
	send = retried(send, o.Observer)
	send = withMargin(send, deadlineMargin)
	return &Client{send}
}

// Do makes a call, with retries until ctx ends, and returns the number of attempts. An error is an *Error.
func (c *Client) Do(ctx context.Context, call Call) (attempts int, err error) {
	r := &request{call: call}
	err = c.send(ctx, r)
	return r.attempts, err
}

func withMargin(next handler, margin time.Duration) handler {
	return func(ctx context.Context, r *request) error {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		return next(ctx, r)
	}
}

// limited queues attempts beyond MaxInFlight.
func limited(next handler, o Options) handler {
	slots := semaphore.NewWeighted(int64(o.MaxInFlight))
	return func(ctx context.Context, r *request) error {
		refuse := func(cause error) error { return &Error{Host: o.Host, Op: r.call.Op, cause: cause, notSent: true} }
		if ctx.Err() != nil {
			return refuse(ctx.Err())
		}
		if slots.Acquire(ctx, 1) != nil {
			return refuse(errQueueFull)
		}
		defer slots.Release(1)
		if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && !time.Now().Before(deadline) {
			return refuse(errQueueFull) // the slot came too late
		}
		return next(ctx, r)
	}
}

// observed reports each attempt. It logs the cause of a failure, which constant error messages cannot contain.
func observed(next handler, o Options) handler {
	return func(ctx context.Context, r *request) error {
		r.attempts++
		o.Observer.CallStarted()
		start := time.Now()
		err := next(ctx, r)
		log, status, elapsed := logr.FromContextOrDiscard(ctx).V(2), http.StatusOK, time.Since(start)
		if e := (*Error)(nil); errors.As(err, &e) {
			status = e.Status
			if e.cause != nil {
				log = log.WithValues("cause", e.cause.Error())
			}
		}
		o.Observer.CallEnded(r.call.Op, status, elapsed)
		log.Info("Called "+o.Host, "operation", r.call.Op, "status", status, "duration", elapsed.Round(time.Millisecond))
		return err
	}
}
