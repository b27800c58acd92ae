package realtimeregistertest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is one received request.
type Request struct {
	Time   time.Time // when it arrived
	Op     Operation // "" for an unknown operation
	Zone   int       // in the path, or 0
	Name   string    // in the path, or in the query of a list
	Method string
	Host   string      // as the client names it
	Path   string      // as sent, escaped
	Query  url.Values  // as sent
	Auth   string      // the Authorization header
	Header http.Header // copy of all headers
	Body   []byte
	Status int    // of the response; 0 before it starts
	Fault  string // name of the applied fault

	landed bool // no longer in flight
}

// requestLog holds all requests and their counts. The limit of the log does not affect the counts.
type requestLog struct {
	mu          sync.Mutex
	requests    []*Request
	calls       int
	byOperation map[Operation]int
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
	l.flying++
	l.maxFlying = max(l.maxFlying, l.flying)
	l.keyFlying[r.Auth]++
	l.keyMax[r.Auth] = max(l.keyMax[r.Auth], l.keyFlying[r.Auth])
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
	l.keyFlying[r.Auth]--
	if l.keyFlying[r.Auth] == 0 {
		delete(l.keyFlying, r.Auth)
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

// ResetRequests forgets the requests and all counts.
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

// MaxInFlightOf returns MaxInFlight of one Authorization header.
func (s *Server) MaxInFlightOf(auth string) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.keyMax[auth]
}
