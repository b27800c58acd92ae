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
	// maxBody bounds how much of an answer is read. 4 MiB is a zone of some 55,000 records.
	maxBody = 4 << 20
	// largeBody is the size from which an answer counts as large.
	largeBody = 256 << 10
)

// LargeAnswers limits how many large answers a process has in memory at once, whatever keys and hosts they are for: decoded,
// one can take 16 MiB.
type LargeAnswers chan struct{}

// NewLargeAnswers returns the limit for a process that has 128 MiB.
func NewLargeAnswers() LargeAnswers { return make(LargeAnswers, 3) }

// Answer is what a host says with an HTTP answer.
type Answer struct {
	// Status decides: it is HTTP's, or one in the body that overrules a 2xx. A 2xx is success.
	Status int
	// Data is what Call.Decode reads.
	Data []byte
	// Message is the host's own explanation of a failure.
	Message string
	// Kind is a kind of failure that only this host has; nil for none.
	Kind error
	// Unexpected: the body does not have the shape of this API.
	Unexpected bool
}

// ReadPlain is for an API whose HTTP status decides, and whose body is the data.
func ReadPlain(status int, body []byte) Answer {
	return Answer{Status: status, Data: body, Unexpected: !json.Valid(body)}
}

// overHTTP is the innermost layer: one attempt, read whole and judged.
func overHTTP(o Options, apiKey string) handler {
	client := &http.Client{Transport: o.Transport, CheckRedirect: noRedirect}
	return func(ctx context.Context, r *request) error {
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

// noRedirect follows no redirect: it would carry the key to another address.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// readBody reads an answer whole. A large one waits for its turn; the caller calls done once it needs body no more.
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

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3). It is 0 if the header is absent or
// unreadable.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longestCoolDown/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(0, date.Sub(now)), longestCoolDown)
	}
	return 0
}
