package apiclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
)

func TestDo_HangingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		attempts, err := do(t, newTestClient(&server{answer: slow(time.Hour)}), 25*time.Second, Call{})
		if elapsed := time.Since(start); err == nil || elapsed > 25*time.Second-deadlineMargin {
			t.Errorf("got %v after %s, want an error before the caller's deadline", err, elapsed)
		}
		if attempts < 3 {
			t.Errorf("got %d attempts, want at least 3", attempts)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not wrap its cause", err)
		}
	})
}

func TestRetried_BackOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := always(http.StatusInternalServerError, "")
		_, _ = newTestClient(s).Do(t.Context(), Call{Op: "read", Method: http.MethodGet, Path: "/zone"})
		if len(s.calls) != 10 {
			t.Fatalf("%d attempts without a deadline, want 10", len(s.calls))
		}
		want := 300 * time.Millisecond
		for i := 1; i < len(s.calls); i++ {
			if pause := s.calls[i].Sub(s.calls[i-1]); pause < want*66/100 || pause > want*134/100 {
				t.Errorf("pause %d: got %s, want %s give or take a third", i, pause, want)
			}
			want = min(2*want, 4*time.Second)
		}
	})
}

func TestLimited_SlotFreeAtDeadline(t *testing.T) {
	t.Parallel()
	for range 20 { // select picks at random between the slot and the deadline
		synctest.Test(t, func(t *testing.T) {
			s := &server{answer: slow(3 * time.Second)}
			c := limited(func(ctx context.Context, _ *request) error {
				_, err := s.RoundTrip((&http.Request{}).WithContext(ctx))
				return err
			}, Options{MaxInFlight: 1})
			var all sync.WaitGroup
			all.Go(func() { _ = c(t.Context(), &request{}) })
			synctest.Wait()
			err := c(withDeadline(t, 3*time.Second), &request{})
			if !errors.Is(err, errQueueFull) || MayHaveTakenEffect(err) || s.count() != 1 {
				t.Errorf("got %d calls sent, %v; want the queued call not sent", s.count(), err)
			}
			all.Wait()
		})
	}
}

func TestCooled_CallsInQueueAreNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(int, *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return respond(http.StatusTooManyRequests, "", "Retry-After", "600")
		}}
		c := newTestClient(s)
		var all sync.WaitGroup
		for range 30 {
			all.Go(func() {
				if _, err := do(t, c, 25*time.Second, Call{}); !errors.Is(err, ErrRateLimited) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if s.count() != 8 {
			t.Errorf("got %d calls sent, want only the 8 in flight at the first 429", s.count())
		}
	})
}

func TestCoolDown_CallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCoolDown()
		c.update(&Error{Status: http.StatusTooManyRequests, retryAfter: time.Minute}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := c.wait(ctx)
		if !errors.Is(err, ErrRateLimited) || MayHaveTakenEffect(err) || time.Since(start) != time.Second {
			t.Errorf("got %v after %s, want the 429 after 1s", err, time.Since(start))
		}
	})
}

// observation is one call of an Observer's method.
type observation struct {
	event    string
	op       Operation
	status   int
	duration time.Duration
}

type recorder struct{ seen []observation }

func (r *recorder) CallStarted() {}

func (r *recorder) CallEnded(op Operation, status int, duration time.Duration) {
	r.seen = append(r.seen, observation{"ended", op, status, duration})
}

func (r *recorder) Retried(op Operation) {
	r.seen = append(r.seen, observation{event: "retried", op: op})
}

func (r *recorder) CooledDown(pause time.Duration) {
	r.seen = append(r.seen, observation{event: "cooled down", duration: pause})
}

func TestObserved_Durations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		c := New(Options{
			Host: "a.host", BaseURL: "https://api.test", Observer: r, Authenticate: func(http.Header, string) {},
			Transport: &server{answer: func(n int, _ *http.Request) (*http.Response, error) {
				time.Sleep(2 * time.Second)
				if n == 1 {
					return respond(http.StatusTooManyRequests, "{}", "Retry-After", "3")
				}
				return respond(http.StatusOK, "{}")
			}},
		}, "key")
		if _, err := do(t, c, 25*time.Second, Call{}); err != nil {
			t.Error(err)
		}
		want := []observation{
			{"ended", "read", http.StatusTooManyRequests, 2 * time.Second},
			{event: "cooled down", duration: 3 * time.Second},
			{event: "retried", op: "read"},
			{"ended", "read", http.StatusOK, 2 * time.Second},
		}
		if !reflect.DeepEqual(r.seen, want) {
			t.Errorf("observed %v, want %v", r.seen, want)
		}
	})
}

func TestObserved_CauseIsLogged(t *testing.T) {
	t.Parallel()
	for verbosity, want := range []bool{false, false, true} {
		var logged strings.Builder
		log := funcr.New(func(_, args string) { logged.WriteString(args) }, funcr.Options{Verbosity: verbosity})
		c := newTestClient(&server{answer: func(int, *http.Request) (*http.Response, error) { return nil, errors.New("port 51234") }})
		_, err := sendOnce(logr.NewContext(t.Context(), log), c)
		if err == nil || strings.Contains(err.Error(), "51234") {
			t.Errorf("got %v, want an error without its cause", err)
		}
		if got := strings.Contains(logged.String(), "port 51234"); got != want || (logged.Len() > 0) != want {
			t.Errorf("-v=%d: got log %q, want cause logged %v", verbosity, logged.String(), want)
		}
	}
}

// sendOnce makes one call without retries.
func sendOnce(ctx context.Context, c *Client) (attempts int, err error) {
	return c.Do(ctx, Call{Op: "read", Method: http.MethodGet, Path: "/zone", Once: true})
}

func TestDo_NotSent(t *testing.T) {
	t.Parallel()
	rejected := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for name, c := range map[string]struct {
		cause     error
		retryable bool
	}{
		"host not found":       {&net.DNSError{Err: "no such host"}, true},
		"certificate rejected": {rejected, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sendOnce(t.Context(), newTestClient(&server{answer: func(int, *http.Request) (*http.Response, error) { return nil, c.cause }}))
			var e *Error
			if !errors.As(err, &e) || e.Op != "read" || e.Host != "a.host" {
				t.Fatalf("got %#v", err)
			}
			if MayHaveTakenEffect(err) || isRetryable(err) != c.retryable || !errors.Is(err, c.cause) {
				t.Errorf("%v: may have taken effect %v, retryable %v", err, MayHaveTakenEffect(err), isRetryable(err))
			}
		})
	}
}

// TestReasonOf_EachFaultHasItsOwnMessage: each fault needs another fix, so no two share a message.
func TestReasonOf_EachFaultHasItsOwnMessage(t *testing.T) {
	t.Parallel()
	rejected := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	causes := map[string]error{}
	for _, cause := range []error{
		&net.DNSError{}, context.Canceled, context.DeadlineExceeded, io.EOF, errors.New("other"), errBodyTooLarge,
		rejected(x509.CertificateInvalidError{Reason: x509.Expired}), rejected(x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}),
		rejected(x509.HostnameError{Certificate: &x509.Certificate{}}), rejected(x509.UnknownAuthorityError{}),
	} {
		message := (&Error{Host: "a.host", cause: cause}).Error()
		if other, ok := causes[message]; ok {
			t.Errorf("%#v and %#v share the message %q", other, cause, message)
		}
		causes[message] = cause
	}
}

// closer is a body that records whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestJudge(t *testing.T) {
	t.Parallel()
	errShape := errors.New("wrong shape")
	kind := errors.Join(errOwn, errShape)
	body := &closer{Reader: strings.NewReader("key s3cr3t is unknown")}
	status := 202
	c := New(Options{
		Host: "a.host", Authenticate: func(http.Header, string) {},
		Transport: &server{answer: func(int, *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: body}, nil
		}},
		Read: func(status int, body []byte) Answer {
			return Answer{Status: status, Message: string(body), Kind: kind}
		},
	}, "s3cr3t")
	once := func(call Call) error {
		call.Op, call.Method, call.Once = "read", http.MethodGet, true
		_, err := c.Do(t.Context(), call)
		return err
	}
	if err := once(Call{}); err != nil || !body.closed {
		t.Errorf("202: got error %v, body closed %v", err, body.closed)
	}
	if err := once(Call{OnlyOK: true}); err == nil || !MayHaveTakenEffect(err) {
		t.Errorf("202 with OnlyOK: got %v, want an uncertain error", err)
	}
	var e *Error
	if err := once(Call{Decode: func([]byte) error { return errShape }}); !errors.As(err, &e) || !e.Unexpected || e.cause != errShape { //nolint:errorlint // the cause itself
		t.Errorf("invalid data: got %v, want an unexpected answer", err)
	}
	status, body.Reader = 400, strings.NewReader("key s3cr3t is unknown")
	if err := once(Call{}); !errors.Is(err, errOwn) || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "is unknown") {
		t.Errorf("400 with the key in its message: got %v, want the message without the key", err)
	}
}

func TestNewTransport(t *testing.T) {
	t.Parallel()
	tr := NewTransport()
	if tr.Proxy == nil || tr.TLSClientConfig.MinVersion != tls.VersionTLS12 || tr.TLSClientConfig.InsecureSkipVerify {
		t.Errorf("got proxy %v, TLS %+v; want the environment's proxy and TLS 1.2", tr.Proxy != nil, tr.TLSClientConfig)
	}
	if tr.IdleConnTimeout != 30*time.Second || tr.MaxResponseHeaderBytes != 64<<10 {
		t.Errorf("got idle timeout %s and headers up to %d bytes, want 30s and 65536", tr.IdleConnTimeout, tr.MaxResponseHeaderBytes)
	}
}

func TestPlainWords_Limits(t *testing.T) {
	t.Parallel()
	if got := plainWords("No access", ""); got != "No access" {
		t.Errorf("without a key: got %q", got)
	}
	if got := plainWords(strings.Repeat("word ", 100), "key"); len(got) > 200+len(" …") || len(got) < 190 {
		t.Errorf("got %d bytes, want about 200", len(got))
	}
}
