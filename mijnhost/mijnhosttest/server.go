package mijnhosttest

import (
	"net/http"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// BasePath is the path of the API's base URL.
const BasePath = "/api/v2"

// Server is the simulator: the API as an [http.Handler], and the state that it
// shares with DNS. All its methods may be called at any time, from any
// goroutine. Its [hosttest.Listener] has its address.
type Server struct {
	*hosttest.Listener

	mu          sync.Mutex // guards what follows; never held while waiting
	opts        Options
	accounts    map[string]*account // by API key
	zones       map[string]*zone    // by domain, also those that no account has any more
	staticZones map[string]list     // by domain; served by DNS alone

	log    requestLog
	faults faultTable
}

// New makes a server that does not listen: it is an [http.Handler]. Close ends
// calls that hang.
func New(opts Options) *Server {
	s := &Server{
		Listener:    hosttest.NewListener(),
		opts:        opts,
		accounts:    map[string]*account{},
		zones:       map[string]*zone{},
		staticZones: map[string]list{},
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
