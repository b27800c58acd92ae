package mijnhosttest

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// BasePath is the path of the API's base URL.
const BasePath = "/api/v2"

// Server is the simulator: the API as an [http.Handler], and the state that it
// shares with DNS. All its methods may be called at any time, from any
// goroutine.
type Server struct {
	mu          sync.Mutex // guards what follows; never held while waiting
	opts        Options
	accounts    map[string]*account // by API key
	zones       map[string]*zone    // by domain, also those that no account has any more
	staticZones map[string]list     // by domain; served by DNS alone

	log    requestLog
	faults faultTable

	closeOnce sync.Once
	closed    chan struct{}
	closers   []func() // set before anything is served
	listener  net.Listener
	dnsAddr   string
	inMemory  *pipeListener
}

// New makes a server that does not listen: it is an [http.Handler]. Close ends
// calls that hang.
func New(opts Options) *Server {
	s := &Server{
		opts:        opts,
		accounts:    map[string]*account{},
		zones:       map[string]*zone{},
		staticZones: map[string]list{},
		closed:      make(chan struct{}),
	}
	s.AddStaticZone(nameserverDomain, nameserverRecords()...)
	return s
}

// Options are the readings as they are now.
func (s *Server) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reconfigure changes readings while the server runs. History is only kept for
// as long as the readings at the time of a write need it: a test that turns on
// stale reads late sees the zone as it was at the oldest write remembered.
func (s *Server) Reconfigure(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.opts)
}

// ServeHTTP answers one call of the API: the fault that is injected for it, or
// else what the API answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(s, w, r)
	entry := s.log.begin(c.request, s.Options().RequestLogLimit)
	defer s.log.land(entry)
	c.entry = entry

	if fault, found := s.faults.next(c.request, time.Now()); found {
		s.log.name(entry, fault.Kind.String())
		fault.Kind.play(c)
		return
	}
	c.send(c.carryOut())
}

// pause waits, and tells whether it could wait to the end: false if the client
// has gone away, or the server has been closed.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closed:
		return false
	}
}
