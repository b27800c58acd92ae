package mijnhost

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/outcome"
)

// Operation names one call of the API, for errors, metrics and traces.
type Operation string

// The calls that this program makes. PUT is not among them: it replaces a whole
// zone, and a program that cannot send it cannot wipe one.
const (
	OpListDomains  Operation = "list_domains"
	OpShowDomain   Operation = "show_domain" // webhook check alone
	OpReadRecords  Operation = "read_records"
	OpPatchRecord  Operation = "patch_record"
	OpDeleteRecord Operation = "delete_record"
)

// call is one request to the API, before authentication.
type call struct {
	op     Operation
	method string
	path   string // below the base URL, already escaped
	body   []byte // nil for none
}

// exchange sends a call and returns the data of the API's answer. The layers
// of the client are functions from one exchange to the next.
type exchange func(context.Context, call) (json.RawMessage, error)

const (
	// attemptTimeout bounds one attempt, so that a hanging server leaves time
	// for two more within the 25 s of a challenge.
	attemptTimeout = 8 * time.Second
	// endEarly is kept back from the caller's deadline, so that a call ends with
	// what the API answered last and not with the deadline's own error.
	endEarly = 500 * time.Millisecond
)

// newExchange assembles the layers of the client, innermost first: what is said
// further down happens earlier to a call and later to its answer.
func newExchange(o Options, apiKey string, quiet *coolDown) exchange {
	send := overHTTP(&http.Client{Transport: o.Transport, CheckRedirect: keepRedirect}, o.BaseURL, o.UserAgent, apiKey)
	send = timed(send, attemptTimeout)
	send = observed(send, o.Observer)
	send = cooled(send, quiet, o.Observer)
	send = limited(send, o.MaxInFlight) // before the cool-down, which is looked at again by each that had to queue
	send = retried(send, o.Observer)
	send = endingEarly(send, endEarly)
	return send
}

// keepRedirect follows no redirect: it would carry the key to another address.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// timed gives each attempt a time of its own.
func timed(next exchange, limit time.Duration) exchange {
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return next(ctx, c)
	}
}

// endingEarly moves the caller's deadline forward by margin.
func endingEarly(next exchange, margin time.Duration) exchange {
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		return next(ctx, c)
	}
}

// limited lets at most n attempts be under way at once; the others wait.
func limited(next exchange, n int) exchange {
	places := make(chan struct{}, n)
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil, unreachable(c.op, ctx.Err())
		}
		defer func() { <-places }()
		return next(ctx, c)
	}
}

// observed reports each attempt's outcome. The API's words are left to the one who tells of the error.
func observed(next exchange, o Observer) exchange {
	return func(ctx context.Context, c call) (json.RawMessage, error) {
		outcome.From(ctx).CountCall()
		o.CallStarted()
		begun := time.Now()
		data, err := next(ctx, c)
		status, took := statusOf(err), time.Since(begun)
		o.CallEnded(c.op, status, took)
		logr.FromContextOrDiscard(ctx).V(2).Info("Called mijn.host", "operation", c.op, "status", status, "duration", took.Round(time.Millisecond))
		return data, err
	}
}
