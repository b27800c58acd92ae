package mijnhosttest

import "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"

// Start makes a server that listens on the loopback interface: HTTP on a port of
// its own, DNS on one port of UDP and TCP. It ends with the test, and fails it
// if it received a PUT, unless Options.TestSendsPUT.
func Start(tb hosttest.TB, opts Options) *Server {
	tb.Helper()
	s := New(opts)
	if err := s.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
		tb.Fatalf("mijnhosttest: %v", err)
	}
	s.endWith(tb)
	return s
}

// StartInMemory makes a server that listens on pipes in memory, to be reached by
// HTTPTransport or Dial. All its goroutines can be durably blocked, so that it
// can run within a testing/synctest bubble, and all of them end with the test.
// There is no DNS on a port; see Server.Answer.
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
		if !s.Options().TestSendsPUT {
			s.RequireNoPUT(tb)
		}
	})
}

// Listen serves the API at one address, and DNS on UDP and TCP at another. It
// may be called once. An empty address of DNS is none. Close ends it.
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
