package realtimeregistertest

import (
	"net/http"
	"sync"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// BasePath is the path of the API's base URL.
const BasePath = "/v2"

// Server is the simulator: the API as an [http.Handler], and the state that it shares with DNS. It is safe for
// concurrent use. Its [hosttest.Listener] provides the addresses.
type Server struct {
	*hosttest.Listener

	mu          sync.Mutex // guards the fields below; not held while waiting
	opts        Options
	accounts    map[string]bool        // by handle
	credentials map[string]*credential // by Authorization header
	zones       []*zone                // by id, starting at firstID; nil if removed
	static      map[string]hosttest.Zone
	challenges  map[string]map[string]bool // by name; values, or nil for all
	readers     map[readerOf]*memory
	waiting     []*update // delayed updates, the earliest first
	processes   int
	empties     int
	events      int // counts writes and reads, to order them
	harms       []Harm

	log    requestLog
	faults faultTable
}

// firstID is the id of the first zone.
const firstID = 101

// New returns a server that does not listen: it is an [http.Handler]. Close ends calls that hang.
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

// Start starts a server on the loopback interface: HTTP on a port of its own, DNS on one port for UDP and TCP. It stops
// with the test, and fails the test if its client did preventable harm.
func Start(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	if err := s.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		tb.Fatalf("realtimeregistertest: %v", err)
	}
	s.endWith(tb)
	return s
}

// StartInMemory starts a server on in-memory pipes; clients connect with HTTPTransport or Dial. It works in a
// testing/synctest bubble. It has no DNS port: use Server.Answer.
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
		if !s.Options().AllowHarm {
			s.RequireNoHarm(tb)
		}
	})
}

// Listen serves the API at one address, and DNS on UDP and TCP at another, until Close. An empty DNS address means no DNS.
func (s *Server) Listen(httpAddr, dnsAddr string) error {
	return s.Listener.Listen(httpAddr, dnsAddr, s.Options().TLS, s, s.Answer)
}

// URL returns the base URL of the API, without a final slash.
func (s *Server) URL() string {
	if s.Origin() == "" {
		return ""
	}
	return s.Origin() + BasePath
}

// lock takes the lock, and applies delayed updates that are due.
func (s *Server) lock() {
	s.mu.Lock()
	s.settle(time.Now())
}

// Options returns the current readings.
func (s *Server) Options() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts
}

// Reconfigure changes readings at run time. A write keeps only as much history as the readings of that moment need.
func (s *Server) Reconfigure(change func(*Options)) {
	s.lock()
	defer s.mu.Unlock()
	change(&s.opts)
}

// ServeHTTP answers one call of the API, with an injected fault if one matches.
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
