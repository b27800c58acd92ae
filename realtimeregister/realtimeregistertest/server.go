package realtimeregistertest

import (
	"net/http"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// BasePath is the path of the API's base URL.
const BasePath = "/v2"

// Server is the simulator: the API as an [http.Handler], and the state that it
// shares with DNS. All its methods may be called at any time, from any
// goroutine. Its [hosttest.Listener] has its addresses.
type Server struct {
	*hosttest.Listener

	mu          sync.Mutex // guards what follows; never held while waiting
	opts        Options
	accounts    map[string]bool        // by handle
	credentials map[string]*credential // by the header Authorization
	zones       []*zone                // by id, from firstID on; nil once removed
	static      map[string]hosttest.Zone
	challenges  map[string]map[string]bool // by name; values, or nil for all
	readers     map[readerOf]*memory
	waiting     []*update // updates that take effect later, the earliest first
	processes   int
	empties     int
	events      int // counts writes and reads, so that one is before another
	harms       []Harm

	log    requestLog
	faults faultTable
}

// firstID is the id of the first zone.
const firstID = 101

// New makes a server that does not listen: it is an [http.Handler]. Close ends
// calls that hang.
func New(opts Options) *Server {
	s := &Server{
		Listener:    hosttest.NewListener(),
		opts:        opts,
		accounts:    map[string]bool{},
		credentials: map[string]*credential{},
		static:      map[string]hosttest.Zone{},
		challenges:  map[string]map[string]bool{},
		readers:     map[readerOf]*memory{},
	}
	var addresses []string
	for _, ns := range usualNameservers() {
		addresses = append(addresses, Record(ns, "A", "127.0.0.1", defaultTTL))
	}
	s.AddStaticZone("yoursrs.com", addresses...)
	return s
}

// Start makes a server that listens on the loopback interface: HTTP on a port of
// its own, DNS on one port of UDP and TCP. It ends with the test, and fails it
// if there was harm that its client could have prevented.
func Start(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	if err := s.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		tb.Fatalf("realtimeregistertest: %v", err)
	}
	s.endWith(tb)
	return s
}

// StartInMemory makes a server that listens on pipes in memory, to be reached by
// HTTPTransport or Dial, so that it can run within a testing/synctest bubble.
// There is no DNS on a port; see Server.Answer.
func StartInMemory(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	s.ListenInMemory("realtimeregister.test", opts.TLS, s)
	s.endWith(tb)
	return s
}

func (s *Server) endWith(tb hosttest.TB) {
	tb.Cleanup(func() {
		s.Close()
		if !s.Options().TestDoesHarm {
			s.RequireNoHarm(tb)
		}
	})
}

// Listen serves the API at one address, and DNS on UDP and TCP at another; an
// empty one is none. Close ends it.
func (s *Server) Listen(httpAddr, dnsAddr string) error {
	return s.Listener.Listen(httpAddr, dnsAddr, s.Options().TLS, s, s.Answer)
}

// URL is the base URL of the API, without a slash at its end.
func (s *Server) URL() string {
	if s.Origin() == "" {
		return ""
	}
	return s.Origin() + BasePath
}

// lock takes the lock, and has updates take effect whose time has come.
func (s *Server) lock() {
	s.mu.Lock()
	s.settle(time.Now())
}

// Options are the readings as they are now.
func (s *Server) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reconfigure changes readings while the server runs. History is only kept for
// as long as the readings at the time of a write need it.
func (s *Server) Reconfigure(change func(*Options)) {
	s.lock()
	defer s.mu.Unlock()
	change(&s.opts)
}

// ServeHTTP answers one call of the API: the fault that is injected for it, or
// else what the API answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(s, w, r)
	entry := s.log.begin(c.request, c.opts.RequestLogLimit)
	defer s.log.land(entry)
	c.entry = entry

	if fault, found := s.faults.next(c.request, time.Now()); found {
		s.log.name(entry, fault.Kind.String())
		fault.Kind.play(c)
		return
	}
	c.send(c.carryOut())
}
