package mijnhosttest

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// Request is one received request.
type Request struct {
	Time   time.Time // when it arrived
	Op     Operation // "" for an unknown operation
	Domain string    // in the path, as sent, unescaped
	Method string
	Host   string      // as the client names it
	Path   string      // as sent, escaped
	Key    string      // of the header API-Key
	Header http.Header // copy of all headers
	Body   []byte
	Status int    // of the response; 0 before it starts
	Fault  string // name of the applied fault

	landed bool // no longer in flight
}

// requestLog holds all requests and their counts. The limit of the log does not affect the counts. A reset does not
// affect the number of PUTs.
type requestLog struct {
	mu          sync.Mutex
	requests    []*Request
	calls       int
	byOperation map[Operation]int
	puts        int
	bodyBytes   int
	flying      int
	maxFlying   int
	keyFlying   map[string]int
	keyMax      map[string]int
}

// begin logs a request on arrival. A limit of zero means no limit.
func (l *requestLog) begin(r Request, limit int) *Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byOperation == nil {
		l.byOperation, l.keyFlying, l.keyMax = map[Operation]int{}, map[string]int{}, map[string]int{}
	}
	l.requests = append(l.requests, &r)
	if excess := len(l.requests) - limit; limit > 0 && excess > 0 {
		l.requests = slices.Delete(l.requests, 0, excess)
	}
	l.calls++
	l.byOperation[r.Op]++
	l.bodyBytes += len(r.Body)
	if r.Method == http.MethodPut {
		l.puts++
	}
	l.flying++
	l.maxFlying = max(l.maxFlying, l.flying)
	l.keyFlying[r.Key]++
	l.keyMax[r.Key] = max(l.keyMax[r.Key], l.keyFlying[r.Key])
	return &r
}

func (l *requestLog) status(r *Request, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Status = code
}

func (l *requestLog) name(r *Request, fault string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Fault = fault
}

// land marks a request as no longer in flight. It must precede the last byte of the response: a client that has read it
// can send the next request at once, and the two must not count as concurrent.
func (l *requestLog) land(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.landed {
		return
	}
	r.landed = true
	l.flying--
	l.keyFlying[r.Key]--
	if l.keyFlying[r.Key] == 0 {
		delete(l.keyFlying, r.Key)
	}
}

// Requests returns the requests since the start or the last reset, in order of arrival. Those without a response have
// status 0.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	out := make([]Request, len(s.log.requests))
	for i, r := range s.log.requests {
		out[i] = *r
	}
	return out
}

// ResetRequests forgets the requests and all counts except PUTs.
func (s *Server) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.requests, s.log.calls, s.log.bodyBytes = nil, 0, 0
	clear(s.log.byOperation)
	s.log.maxFlying = s.log.flying
	s.log.keyMax = maps.Clone(s.log.keyFlying)
	if s.log.keyMax == nil {
		s.log.keyMax = map[string]int{}
	}
}

// Calls returns the number of requests since the start or the last reset.
func (s *Server) Calls() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.calls
}

// CallsOf returns the number of requests of one operation since the start or the last reset.
func (s *Server) CallsOf(op Operation) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.byOperation[op]
}

// BodyBytes returns the size of all request bodies since the start or the last reset, in bytes.
func (s *Server) BodyBytes() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.bodyBytes
}

// InFlight returns the number of requests in flight.
func (s *Server) InFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.flying
}

// MaxInFlight returns the maximum number of requests in flight since the start or the last reset.
func (s *Server) MaxInFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.maxFlying
}

// MaxInFlightOf returns MaxInFlight of one key.
func (s *Server) MaxInFlightOf(key string) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.keyMax[key]
}

// PUTs returns the number of PUT requests ever received, with any path and response. Resets do not affect it.
func (s *Server) PUTs() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.puts
}

// RequireNoPUT fails the test if the server ever received a PUT: a whole-zone write can destroy a zone. (O) [Start] and
// [StartInMemory] call it at the end of every test, so the whole test suite proves "never PUT".
func (s *Server) RequireNoPUT(tb hosttest.TB) {
	tb.Helper()
	if n := s.PUTs(); n > 0 {
		tb.Errorf("received %d PUT requests: a whole-zone write can destroy a zone", n)
	}
}
