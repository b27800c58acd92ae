package mijnhosttest

import "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"

// Start starts a server on the loopback interface: HTTP on a port of its own, DNS on one port for UDP and TCP. It stops
// with the test, and fails the test if it received a PUT, unless Options.AllowPUT is set.
func Start(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	if err := s.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		tb.Fatalf("mijnhosttest: %v", err)
	}
	s.endWith(tb)
	return s
}

// StartInMemory starts a server on in-memory pipes; clients connect with HTTPTransport or Dial. All its goroutines can
// be durably blocked, so it works in a testing/synctest bubble, and all of them end with the test. It has no DNS port:
// use Server.Answer.
func StartInMemory(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	s.ListenInMemory("mijnhost.test", opts.TLS, s)
	s.endWith(tb)
	return s
}

func (s *Server) endWith(tb hosttest.TB) {
	tb.Cleanup(func() {
		s.Close()
		if !s.Options().AllowPUT {
			s.RequireNoPUT(tb)
		}
	})
}

// Listen serves the API at one address, and DNS on UDP and TCP at another, until Close. Call it once. An empty DNS
// address means no DNS.
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
