package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// server is a transport that answers without a network.
type server struct {
	mu     sync.Mutex
	calls  []time.Time
	answer func(call int, r *http.Request) (*http.Response, error)
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.calls = append(s.calls, time.Now())
	n := len(s.calls)
	s.mu.Unlock()
	return s.answer(n, r)
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

func respond(status int, body string, headers ...string) (*http.Response, error) {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// always gives every call the same answer.
func always(status int, body string, headers ...string) *server {
	return &server{answer: func(int, *http.Request) (*http.Response, error) { return respond(status, body, headers...) }}
}

func newTestClient(s http.RoundTripper) *Client {
	return New(Options{
		Host: "a.host", BaseURL: "https://api.test/v1/", UserAgent: "test/1", Transport: s,
		Authenticate: func(h http.Header, key string) { h.Set("X-Key", key) },
		Read: func(status int, body []byte) Answer {
			return Answer{Status: status, Data: body, Message: strings.TrimSpace(string(body)), Unexpected: strings.HasPrefix(string(body), "<")}
		},
	}, "s3cr3t")
}

// do makes one call with a timeout.
func do(t *testing.T, c *Client, timeout time.Duration, call Call) (attempts int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	call.Op, call.Path = "read", "/zone"
	if call.Method == "" {
		call.Method = http.MethodGet
	}
	return c.Do(ctx, call)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	read := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for name, c := range map[string]struct {
		err                          Error
		want                         string
		kind                         error
		retryable, refusal, mayApply bool
	}{
		"400":                {Error{Status: 400, Message: "No"}, "a.host returned HTTP 400: No", nil, false, true, false},
		"401":                {Error{Status: 401, Message: "No"}, "a.host rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address (HTTP 401: No)", ErrKeyRefused, false, false, false},
		"403":                {Error{Status: 403}, "a.host returned HTTP 403", nil, false, false, false},
		"404":                {Error{Status: 404}, "a.host returned HTTP 404", nil, false, true, false},
		"HTML page with 404": {Error{Status: 404, Unexpected: true}, "unexpected answer from a.host (HTTP 404)", nil, false, false, false},
		"429":                {Error{Status: 429}, "a.host rate-limits this API key (HTTP 429)", ErrRateLimited, true, false, false},
		"HTML page with 429": {Error{Status: 429, Unexpected: true}, "a.host rate-limits this API key (HTTP 429)", ErrRateLimited, true, false, false},
		"500":                {Error{Status: 500}, "a.host returned HTTP 500", ErrUnavailable, true, false, true},
		"HTML page with 502": {Error{Status: 502, Unexpected: true}, "unexpected answer from a.host (HTTP 502)", ErrUnavailable, true, false, true},
		"unexpected JSON":    {Error{Status: 200, Unexpected: true}, "unexpected answer from a.host (HTTP 200)", ErrUnavailable, true, false, true},
		"redirect":           {Error{Status: 302}, "a.host returned HTTP 302", nil, false, false, false},
		"kind of the host":   {Error{Status: 400, Kind: errOwn}, "own kind (HTTP 400)", errOwn, false, true, false},
		"connection refused": {Error{cause: dial, notSent: isNotConnected(dial)}, "a.host cannot be reached: connection refused", ErrUnavailable, true, false, false},
		"connection closed":  {Error{cause: io.ErrUnexpectedEOF, notSent: isNotConnected(io.ErrUnexpectedEOF)}, "a.host cannot be reached: connection lost", ErrUnavailable, true, false, true},
		"connection reset":   {Error{cause: syscall.ECONNRESET}, "a.host cannot be reached: connection lost", ErrUnavailable, true, false, true},
		"read failed":        {Error{cause: read, notSent: isNotConnected(read)}, "a.host cannot be reached: connection lost", ErrUnavailable, true, false, true},
		"timed out":          {Error{cause: context.DeadlineExceeded}, "a.host cannot be reached: timed out", ErrUnavailable, true, false, true},
		"canceled":           {Error{cause: context.Canceled}, "a.host cannot be reached: request canceled", ErrUnavailable, true, false, true},
		"too large":          {Error{cause: errBodyTooLarge}, "a.host: response larger than 4 MiB", ErrUnavailable, false, false, true},
		"queue full":         {Error{cause: errQueueFull, notSent: true}, "a.host: too many calls in progress for this API key", ErrUnavailable, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := c.err
			e.Host = "a.host"
			if e.Error() != c.want {
				t.Errorf("got %q, want %q", e.Error(), c.want)
			}
			for _, kind := range []error{ErrKeyRefused, ErrRateLimited, ErrUnavailable, errOwn} {
				if errors.Is(&e, kind) != (kind == c.kind) { //nolint:errorlint // the kind itself
					t.Errorf("errors.Is(%v): got %v", kind, errors.Is(&e, kind))
				}
			}
			if got := isRetryable(&e); got != c.retryable {
				t.Errorf("retryable: got %v", got)
			}
			if got := IsRefusal(&e); got != c.refusal {
				t.Errorf("refusal: got %v", got)
			}
			if got := MayHaveTakenEffect(&e); got != c.mayApply {
				t.Errorf("may have taken effect: got %v", got)
			}
			uncertain := e
			uncertain.uncertain = true
			if !MayHaveTakenEffect(&uncertain) || isRetryable(&uncertain) != c.retryable || IsRefusal(&uncertain) != c.refusal {
				t.Error("uncertain must change only MayHaveTakenEffect")
			}
			if cooling := e; e.Status != 0 {
				cooling.notSent = true
				if isRetryable(&cooling) || MayHaveTakenEffect(&cooling) {
					t.Error("a call stopped by a cool-down must not be retryable and had no effect")
				}
			}
		})
	}
	for _, err := range []error{nil, errOwn} {
		if isRetryable(err) || IsRefusal(err) || MayHaveTakenEffect(err) {
			t.Errorf("%v must not count as a failed call", err)
		}
	}
}

var errOwn = errors.New("own kind")

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                                0,
		"0":                               0,
		"7":                               7 * time.Second,
		"3600":                            time.Hour,
		"86400":                           time.Hour,
		"99999999999999999999":            time.Hour,
		"-1":                              0,
		"soon":                            0,
		"Thu, 26 Nov 2026 03:00:09 GMT":   9 * time.Second,
		"Thu, 26 Nov 2026 02:00:00 GMT":   0,
		"Fri, 27 Nov 2026 03:00:00 GMT":   time.Hour,
		"Thursday, 26-Nov-26 03:00:09 GM": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", `{"a":1}`} {
		s := &server{answer: func(_ int, r *http.Request) (*http.Response, error) {
			sent, _ := io.ReadAll(r.Body)
			want := map[string]string{"X-Key": "s3cr3t", "User-Agent": "test/1", "Accept": "application/json", "Content-Type": ""}
			if body != "" {
				want["Content-Type"] = "application/json"
			}
			for header, value := range want {
				if got := r.Header.Get(header); got != value {
					t.Errorf("header %s: got %q, want %q", header, got, value)
				}
			}
			if r.URL.String() != "https://api.test/v1/zone" || string(sent) != body {
				t.Errorf("got %s %q, want https://api.test/v1/zone %q", r.URL, sent, body)
			}
			return respond(204, "")
		}}
		call := Call{Method: http.MethodPost}
		if body != "" {
			call.Body = []byte(body)
		}
		if attempts, err := do(t, newTestClient(s), time.Second, call); attempts != 1 || err != nil {
			t.Errorf("got %d attempts, %v; want 1 and no error", attempts, err)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	shape := func(data []byte) error { return json.Unmarshal(data, &struct{ A int }{}) }
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		answer    func(int, *http.Request) (*http.Response, error)
		call      Call
		min, most int
		longest   time.Duration
		want      string
		mayApply  bool
	}{
		"500 every time":             {always(500, "down").answer, Call{}, 7, 10, 25 * time.Second, "a.host returned HTTP 500: down", true},
		"500 once":                   {then(500, 1, 200), Call{}, 2, 2, time.Second, "", false},
		"400":                        {always(400, "no").answer, Call{}, 1, 1, 0, "a.host returned HTTP 400: no", false},
		"401":                        {always(401, "no").answer, Call{}, 1, 1, 0, "a.host rejects the API key: it is wrong, expired, or not allowed from this cluster's IP address (HTTP 401: no)", false},
		"redirect":                   {always(302, "", "Location", "https://elsewhere.test/").answer, Call{}, 1, 1, 0, "a.host returned HTTP 302", false},
		"unexpected JSON every time": {always(200, "[]").answer, Call{Decode: shape}, 7, 10, 25 * time.Second, "unexpected answer from a.host (HTTP 200)", true},
		"body too large":             {large, Call{}, 1, 1, 0, "a.host: response larger than 4 MiB", true},
		"Once":                       {always(500, "down").answer, Call{Once: true}, 1, 1, 0, "a.host returned HTTP 500: down", true},
		"400 after a 500":            {then(500, 1, 400), Call{}, 2, 2, time.Second, "a.host returned HTTP 400", true},
		"connection refused":         {func(int, *http.Request) (*http.Response, error) { return nil, dial }, Call{}, 7, 10, 25 * time.Second, "a.host cannot be reached: connection refused", false},
		"slow 500":                   {slow(7 * time.Second), Call{}, 3, 4, 25 * time.Second, "a.host returned HTTP 500", true},
		"server hangs":               {slow(time.Hour), Call{}, 3, 4, 25 * time.Second, "a.host cannot be reached: timed out", true},
		"429 without Retry-After":    {always(429, "").answer, Call{}, 3, 6, 25 * time.Second, "a.host rate-limits this API key (HTTP 429)", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &server{answer: c.answer}
				start := time.Now()
				attempts, err := do(t, newTestClient(s), 25*time.Second, c.call)
				elapsed := time.Since(start)
				if attempts < c.min || attempts > c.most || attempts != s.count() || elapsed > c.longest {
					t.Errorf("got %d attempts, %d calls sent, in %s; want %d to %d in at most %s", attempts, s.count(), elapsed, c.min, c.most, c.longest)
				}
				if got := fmt.Sprint(err); c.want != "" && got != c.want || c.want == "" && err != nil {
					t.Errorf("got error %s, want %s", got, c.want)
				}
				if got := MayHaveTakenEffect(err); got != c.mayApply {
					t.Errorf("may have taken effect: got %v", got)
				}
			})
		})
	}
}

// then answers the first calls with one status and the rest with another.
func then(first, times, rest int) func(int, *http.Request) (*http.Response, error) {
	return func(n int, _ *http.Request) (*http.Response, error) {
		if n <= times {
			return respond(first, "")
		}
		return respond(rest, "")
	}
}

func large(int, *http.Request) (*http.Response, error) {
	return respond(200, strings.Repeat("x", maxBody+1))
}

// slow answers 500 after d.
func slow(d time.Duration) func(int, *http.Request) (*http.Response, error) {
	return func(_ int, r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return respond(500, "")
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func TestReadBody_FourMebibytes(t *testing.T) {
	t.Parallel()
	large := NewLargeAnswers()
	body, done, err := readBody(t.Context(), strings.NewReader(strings.Repeat("x", maxBody)), large)
	if err != nil || len(body) != maxBody {
		t.Fatalf("got %d bytes, %v, want %d", len(body), err, maxBody)
	}
	done()
	if _, _, err = readBody(t.Context(), strings.NewReader(strings.Repeat("x", maxBody+1)), large); !errors.Is(err, errBodyTooLarge) {
		t.Errorf("one byte more: got %v, want errBodyTooLarge", err)
	}
	if len(large) > 0 {
		t.Errorf("got %d slots still in use, want 0", len(large))
	}
}

func TestRetries_WithoutDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := always(500, "")
		attempts, err := newTestClient(s).Do(t.Context(), Call{Op: "read", Method: http.MethodGet, Path: "/zone"})
		if attempts != maxAttempts || s.count() != maxAttempts || err == nil {
			t.Errorf("got %d attempts, %d calls sent, %v; want %d and an error", attempts, s.count(), err, maxAttempts)
		}
	})
}

// TestQueueFull: a call that is still queued at its deadline was never sent.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: slow(time.Hour)}
		c := newTestClient(s)
		for range 8 {
			go func() { _, _ = do(t, c, 25*time.Second, Call{}) }()
		}
		synctest.Wait()
		attempts, err := do(t, c, 3*time.Second, Call{})
		if attempts != 0 || err == nil || err.Error() != "a.host: too many calls in progress for this API key" || MayHaveTakenEffect(err) {
			t.Errorf("got %d attempts, %v; want 0 and a full queue", attempts, err)
		}
		if s.count() != 8 {
			t.Errorf("got %d calls in flight, want 8", s.count())
		}
		time.Sleep(time.Minute)
	})
}

// A call without time left is not sent, and its error does not blame other calls.
func TestDeadline_AlreadyPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := always(http.StatusOK, "{}")
		attempts, err := do(t, newTestClient(s), deadlineMargin, Call{})
		if attempts != 0 || s.count() != 0 || err == nil || err.Error() != "a.host cannot be reached: timed out" || MayHaveTakenEffect(err) {
			t.Errorf("got %d attempts, %v; want 0 and a timeout", attempts, err)
		}
	})
}

// TestCoolDown_WithoutRetryAfter: the pause doubles, eight concurrent failures count once, and a success resets the pause.
func TestCoolDown_WithoutRetryAfter(t *testing.T) {
	t.Parallel()
	wantAbout := func(t *testing.T, got, want time.Duration) {
		t.Helper()
		if low, high := want*66/100, want*134/100; got < low || got > high {
			t.Errorf("got a pause of %s, want about %s", got, want)
		}
	}
	limited := &Error{Status: 429}
	synctest.Test(t, func(t *testing.T) {
		c := newCoolDown()
		var added []time.Duration
		together := time.Now()
		time.Sleep(time.Second)
		for range 8 {
			added = append(added, c.update(limited, together))
		}
		wantAbout(t, added[0], time.Second)
		for _, pause := range added[1:] {
			if pause != 0 {
				t.Errorf("eight concurrent failures added %v, want one pause", added)
				break
			}
		}
		for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
			time.Sleep(2 * time.Minute)
			wantAbout(t, c.update(limited, time.Now()), want)
		}
		time.Sleep(2 * time.Minute)
		if pause := c.update(&Error{Status: 500}, time.Now()); pause != 0 {
			t.Errorf("500: got a pause of %s, want none", pause)
		}
		wantAbout(t, c.update(limited, time.Now()), time.Minute)
		time.Sleep(2 * time.Minute)
		c.update(nil, time.Now())
		wantAbout(t, c.update(limited, time.Now()), time.Second)
	})
}

func TestCoolDown_RetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCoolDown()
		start := time.Now()
		for _, s := range []struct {
			err  error
			want time.Duration // added
		}{
			{&Error{Status: 429, retryAfter: 10 * time.Second}, 10 * time.Second},
			{&Error{Status: 429, retryAfter: 5 * time.Second}, 0},
			{&Error{Status: 429, retryAfter: 30 * time.Second}, 20 * time.Second},
			{&Error{Status: 503, retryAfter: 31 * time.Second}, time.Second},
			{&Error{Status: 503}, 0},
			{&Error{Status: 500, retryAfter: time.Hour}, 0},
		} {
			if got := c.update(s.err, start); got != s.want {
				t.Errorf("%v: added %s, want %s", s.err, got, s.want)
			}
		}
		var found *Error
		if err := c.wait(withDeadline(t, 30*time.Second)); !errors.As(err, &found) || found.Status != 503 || isRetryable(err) {
			t.Errorf("got error %v, want the 503 that started the pause", err)
		}
		if elapsed := time.Since(start); elapsed != 0 {
			t.Errorf("failed after %s, want at once", elapsed)
		}
		if err := c.wait(withDeadline(t, 32*time.Second)); err != nil || time.Since(start) != 31*time.Second {
			t.Errorf("waited %s, %v; want 31s", time.Since(start), err)
		}
	})
}

// TestCoolDown_Extended: a waiting call checks the cool-down again.
func TestCoolDown_Extended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCoolDown()
		start := time.Now()
		c.update(&Error{Status: 429, retryAfter: 5 * time.Second}, start)
		go func() {
			time.Sleep(4 * time.Second)
			c.update(&Error{Status: 429, retryAfter: 5 * time.Second}, start)
		}()
		if err := c.wait(t.Context()); err != nil || time.Since(start) != 9*time.Second {
			t.Errorf("waited %s, %v; want 9s", time.Since(start), err)
		}
	})
}

func withDeadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// TestCoolDown_NotSent: a call stopped by a cool-down had no effect.
func TestCoolDown_NotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := always(429, "", "Retry-After", strconv.Itoa(600))
		c := newTestClient(s)
		for i := range 3 {
			attempts, err := do(t, c, 25*time.Second, Call{})
			if !errors.Is(err, ErrRateLimited) || MayHaveTakenEffect(err) || s.count() != 1 || (i > 0) != (attempts == 0) {
				t.Errorf("call %d: got %d attempts, %v; want only the first call sent", i, attempts, err)
			}
		}
	})
}

// seen is an Observer that records its calls.
type seen struct {
	mu      sync.Mutex
	started int
	ended   []int
	retried int
	pauses  int
}

func (s *seen) CallStarted() { s.mu.Lock(); s.started++; s.mu.Unlock() }
func (s *seen) CallEnded(_ Operation, status int, _ time.Duration) {
	s.mu.Lock()
	s.ended = append(s.ended, status)
	s.mu.Unlock()
}
func (s *seen) Retried(Operation)        { s.mu.Lock(); s.retried++; s.mu.Unlock() }
func (s *seen) CooledDown(time.Duration) { s.mu.Lock(); s.pauses++; s.mu.Unlock() }

func TestObserver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		statuses := []int{500, 429, 200}
		s := &server{answer: func(n int, _ *http.Request) (*http.Response, error) { return respond(statuses[n-1], "") }}
		o := &seen{}
		c := New(Options{Host: "a.host", BaseURL: "https://api.test", Transport: s, Observer: o, Authenticate: func(http.Header, string) {}}, "key")
		c2 := New(Options{Host: "a.host", BaseURL: "https://api.test", Transport: always(200, "not JSON"), Authenticate: func(http.Header, string) {}}, "key")
		if _, err := do(t, c2, time.Second, Call{}); err == nil || err.Error() != "unexpected answer from a.host (HTTP 200)" {
			t.Errorf("not JSON: got error %v, want an unexpected answer", err)
		}
		s.answer = func(n int, _ *http.Request) (*http.Response, error) { return respond(statuses[n-1], "{}") }
		if _, err := do(t, c, 25*time.Second, Call{}); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(o.started, o.ended, o.retried, o.pauses); got != "3 [500 429 200] 2 1" {
			t.Errorf("observed %s, want 3 [500 429 200] 2 1", got)
		}
	})
}
