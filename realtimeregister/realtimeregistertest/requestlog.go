package realtimeregistertest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is one request that the server received.
type Request struct {
	Time   time.Time // when it arrived
	Op     Operation // "" for one that the API does not have
	Zone   int       // the id in the path, or 0
	Name   string    // the name in the path, or of the query of a list
	Method string
	Host   string      // the host that the client believes it speaks to
	Path   string      // as it was sent, escaped
	Query  url.Values  // as it was sent
	Auth   string      // the header Authorization
	Header http.Header // a copy of all headers
	Body   []byte
	Status int    // of the answer; 0 if none was begun (yet)
	Fault  string // the fault that was played, if any

	landed bool // not in flight any more
}

// requestLog is every request, and what is counted of them. The counts survive
// the limit of the log.
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

// begin logs a request that has arrived. A limit of zero is none.
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

// land takes a request out of those in flight. It comes before the last byte of
// the answer: a client that has read it can send the next request at once, and
// the two must not be counted as two at one moment.
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

// Requests are the requests since the start or the last reset, in the order in
// which they arrived; those that are not answered yet have the status 0.
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

// Calls is the number of requests since the start or the last reset.
func (s *Server) Calls() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.calls
}

// CallsOf is the number of requests of one operation since the start or the
// last reset.
func (s *Server) CallsOf(op Operation) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.byOperation[op]
}

// BodyBytes is the number of bytes of all bodies received since the start or
// the last reset.
func (s *Server) BodyBytes() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.bodyBytes
}

// InFlight is the number of requests that are being answered now.
func (s *Server) InFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.flying
}

// MaxInFlight is the largest number of requests that were being answered at one
// moment since the start or the last reset.
func (s *Server) MaxInFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.maxFlying
}

// MaxInFlightOf is MaxInFlight of one header Authorization.
func (s *Server) MaxInFlightOf(auth string) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.keyMax[auth]
}
