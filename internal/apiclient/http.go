package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxBody is about 55,000 records.
	maxBody = 4 << 20
	// largeBody is the size from which LargeAnswers applies.
	largeBody = 256 << 10
)

// LargeAnswers limits the large responses that a process has in memory at once. Decoded, one can take 16 MiB.
type LargeAnswers chan struct{}

// NewLargeAnswers returns a limit that fits in 128 MiB.
func NewLargeAnswers() LargeAnswers { return make(LargeAnswers, 3) }

// Answer is an interpreted response.
type Answer struct {
	// Status is the HTTP status, or a failure status in the body of a 2xx.
	Status int
	// Data is the input of Call.Decode.
	Data []byte
	// Message explains a failure.
	Message string
	// Kind is a kind of failure specific to the host, or nil.
	Kind error
	// Unexpected: the body does not have the API's format.
	Unexpected bool
}

// ReadPlain reads a response without an envelope: its status is the HTTP status, its data the body.
func ReadPlain(status int, body []byte) Answer {
	return Answer{Status: status, Data: body, Unexpected: !json.Valid(body)}
}

// overHTTP is the innermost layer: one attempt.
func overHTTP(o Options, apiKey string) handler {
	client := &http.Client{Transport: o.Transport, CheckRedirect: noRedirect}
	return func(ctx context.Context, r *request) error {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, r.call.Method, o.BaseURL+r.call.Path, bytes.NewReader(r.call.Body))
		if err != nil {
			return &Error{Host: o.Host, Op: r.call.Op, cause: err, notSent: true}
		}
		o.Authenticate(req.Header, apiKey)
		req.Header.Set("User-Agent", o.UserAgent)
		req.Header.Set("Accept", "application/json")
		if r.call.Body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := client.Do(req)
		if err != nil {
			return &Error{Host: o.Host, Op: r.call.Op, cause: err, notSent: isNotConnected(err)}
		}
		defer resp.Body.Close()
		body, done, err := readBody(ctx, resp.Body, o.LargeAnswers)
		if err != nil {
			return &Error{Host: o.Host, Op: r.call.Op, cause: err}
		}
		defer done()
		return judge(o, r.call, resp, body, apiKey)
	}
}

// noRedirect keeps the API key from going to another address.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// readBody reads a whole body. A large one waits for a slot in large; the caller frees the slot with done.
func readBody(ctx context.Context, r io.Reader, large LargeAnswers) (body []byte, done func(), err error) {
	body, err = io.ReadAll(io.LimitReader(r, largeBody))
	if err != nil || len(body) < largeBody {
		return body, func() {}, err
	}
	select {
	case large <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	rest, err := io.ReadAll(io.LimitReader(r, maxBody+1-largeBody))
	if err == nil && len(body)+len(rest) > maxBody {
		err = errBodyTooLarge
	}
	if err != nil {
		<-large
		return nil, nil, err
	}
	return append(body, rest...), func() { <-large }, nil
}

func judge(o Options, call Call, resp *http.Response, body []byte, apiKey string) error {
	answer := o.Read(resp.StatusCode, body)
	var cause error
	if isSuccess(answer.Status) && !answer.Unexpected && (!call.OnlyOK || answer.Status == http.StatusOK) {
		if call.Decode == nil {
			return nil
		}
		if cause = call.Decode(answer.Data); cause == nil {
			return nil
		}
		answer.Unexpected = true
	}
	return &Error{
		Host:       o.Host,
		Op:         call.Op,
		Status:     answer.Status,
		Message:    plainWords(answer.Message, apiKey),
		Unexpected: answer.Unexpected,
		Kind:       answer.Kind,
		retryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		cause:      cause,
	}
}

func isSuccess(status int) bool { return status >= 200 && status <= 299 }

// retryAfter parses a Retry-After header: seconds or a date (RFC 9110, 10.2.3). It returns 0 for an absent or invalid one.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longestCoolDown/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(0, date.Sub(now)), longestCoolDown)
	}
	return 0
}
