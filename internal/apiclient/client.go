// Package apiclient makes the HTTPS calls of a DNS host's JSON API: authentication, retries, a shared pause after a 429,
// a limit of calls in flight, and errors whose texts are constant. It knows no host.
package apiclient

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
)

// Operation names one call of an API in errors, metrics and logs.
type Operation string

// Call is one request, without authentication.
type Call struct {
	Op     Operation
	Method string
	// Path is below the base URL and already escaped. It may have a query.
	Path string
	// Body is JSON, or nil for none.
	Body []byte
	// Decode reads the data of a successful answer; nil ignores it. If it fails, the answer counts as
	// unexpected, and the call is tried again.
	Decode func(data []byte) error
	// OnlyOK: no other 2xx than 200 means that it is done.
	OnlyOK bool
	// Once: never send this call a second time, whatever becomes of the first.
	Once bool
}

// Options describe a host and how its API is reached.
type Options struct {
	// Host is the host's name in errors and logs, such as "mijn.host".
	Host string
	// BaseURL is the address of the API.
	BaseURL string
	// UserAgent names the program and its version.
	UserAgent string
	// Transport carries the requests; nil means NewTransport().
	Transport http.RoundTripper
	// MaxInFlight limits the attempts of one client that are under way at once; 0 means 8.
	MaxInFlight int
	// LargeAnswers is shared by all clients of a process; nil means that this one has a limit of its own.
	LargeAnswers LargeAnswers
	// Observer sees each attempt; nil means none does.
	Observer Observer
	// Authenticate adds the API key to a request.
	Authenticate func(header http.Header, apiKey string)
	// Read interprets an answer; nil means ReadPlain.
	Read func(status int, body []byte) Answer
}

const (
	// attemptTimeout leaves time for two more attempts within the 25 s of a challenge if a server hangs.
	attemptTimeout = 8 * time.Second
	// deadlineMargin ends a call before its caller's deadline, so that the error is the API's last answer and not the deadline's.
	deadlineMargin = 500 * time.Millisecond
)

// Client makes the calls of one API key. All callers share its limit of calls in flight and its cool-down.
type Client struct{ send handler }

// request is a call on its way through the layers.
type request struct {
	call     Call
	attempts int
}

// handler sends a request. Each layer of the client wraps the next handler.
type handler func(context.Context, *request) error

// New returns a client for one API key.
func New(o Options, apiKey string) *Client {
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 8
	}
	if o.LargeAnswers == nil {
		o.LargeAnswers = NewLargeAnswers()
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	if o.Read == nil {
		o.Read = ReadPlain
	}
	// From the inside out: the last layer sees a call first and its answer last.
	send := overHTTP(o, apiKey)
	send = withTimeout(send, attemptTimeout)
	send = observed(send, o)
	send = cooled(send, newCoolDown(), o)
	send = limited(send, o) // outside of the cool-down, which a call that had to queue looks at again
	send = retried(send, o.Observer)
	send = withMargin(send, deadlineMargin)
	return &Client{send}
}

// Do makes a call, and repeats it while that can help and ctx allows. It returns how many attempts were sent. An error is
// an *Error.
func (c *Client) Do(ctx context.Context, call Call) (attempts int, err error) {
	r := &request{call: call}
	err = c.send(ctx, r)
	return r.attempts, err
}

func withTimeout(next handler, limit time.Duration) handler {
	return func(ctx context.Context, r *request) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, r)
	}
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

// limited lets a number of attempts be under way at once; the others queue.
func limited(next handler, o Options) handler {
	slots := make(chan struct{}, o.MaxInFlight)
	return func(ctx context.Context, r *request) error {
		select {
		case slots <- struct{}{}:
		default:
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return &Error{Host: o.Host, Op: r.call.Op, cause: errQueueFull, notSent: true}
			}
		}
		defer func() { <-slots }()
		if isOver(ctx) { // the place came with the end of the wait
			return &Error{Host: o.Host, Op: r.call.Op, cause: errQueueFull, notSent: true}
		}
		return next(ctx, r)
	}
}

// isOver reports whether ctx has ended, or does so at this very moment.
func isOver(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// observed reports each attempt. The cause of a failure is logged here and nowhere else; the error's text is constant.
func observed(next handler, o Options) handler {
	return func(ctx context.Context, r *request) error {
		r.attempts++
		o.Observer.CallStarted()
		begun := time.Now()
		err := next(ctx, r)
		status, took := statusOf(err), time.Since(begun)
		o.Observer.CallEnded(r.call.Op, status, took)
		log := logr.FromContextOrDiscard(ctx).V(2)
		if cause := causeOf(err); cause != nil {
			log = log.WithValues("cause", cause.Error())
		}
		log.Info("Called "+o.Host, "operation", r.call.Op, "status", status, "duration", took.Round(time.Millisecond))
		return err
	}
}
