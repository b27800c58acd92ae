package mijnhosttest

import (
	"net/http"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// BasePath is the path of the API's base URL.
const BasePath = "/api/v2"

// Server is the simulator: the API as an [http.Handler], and the state that it shares with DNS. It is safe for
// concurrent use. Its [hosttest.Listener] provides the addresses.
type Server struct {
	*hosttest.Listener

	mu          sync.Mutex // guards the fields below; not held while waiting
	opts        Options
	accounts    map[string]*account // by API key
	zones       map[string]*zone    // by domain, including those in no account
	staticZones map[string]list     // by domain; only DNS serves them

	log    requestLog
	faults faultTable
}

// New returns a server that does not listen: it is an [http.Handler]. Close ends calls that hang.
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

// Options returns the current readings.
func (s *Server) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reconfigure changes readings at run time. A write keeps only as much history as the readings of that moment need: if
// a test enables stale reads later, GET shows the oldest version kept.
func (s *Server) Reconfigure(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.opts)
}

// ServeHTTP answers one call of the API, with an injected fault if one matches.
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
