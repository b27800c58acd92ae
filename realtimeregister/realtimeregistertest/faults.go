package realtimeregistertest

import (
	"slices"
	"sync"
	"time"
)

// Fault makes some calls fail.
type Fault struct {
	// Kind is how they fail. It is required.
	Kind Kind

	// The calls it applies to: all fields that are set must match. The zero values match every call, including unknown
	// operations.
	Op     Operation
	Method string
	Zone   int
	Auth   string
	When   func(Request) bool // must not call the Server

	// The first Skip matching calls succeed, and the next Times fail; a Times of zero means all.
	Skip  int
	Times int

	// From and Until limit the fault in time, since its injection. An Until of zero means forever.
	From  time.Duration
	Until time.Duration
}

// faultTable is the injected faults, oldest first.
type faultTable struct {
	mu     sync.Mutex
	faults []*injected
}

type injected struct {
	Fault
	at      time.Time
	skipped int
	played  int
}

// Inject makes calls fail until remove is called. If several faults match a call, the oldest is applied, and the others
// do not count the call.
func (s *Server) Inject(f Fault) (remove func()) {
	if f.Kind.play == nil {
		panic("realtimeregistertest: Inject: the fault has no Kind")
	}
	one := &injected{Fault: f, at: time.Now()}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append(s.faults.faults, one)
	return func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		s.faults.faults = slices.DeleteFunc(s.faults.faults, func(f *injected) bool { return f == one })
	}
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// next returns the fault to apply to the request.
func (t *faultTable) next(r Request, now time.Time) (Fault, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.faults {
		if !f.fits(r, now) {
			continue
		}
		if f.skipped < f.Skip {
			f.skipped++
			continue
		}
		if f.Times > 0 && f.played >= f.Times {
			continue
		}
		f.played++
		return f.Fault, true
	}
	return Fault{}, false
}

func (f *injected) fits(r Request, now time.Time) bool {
	age := now.Sub(f.at)
	return (f.Op == "" || f.Op == r.Op) &&
		(f.Method == "" || f.Method == r.Method) &&
		(f.Zone == 0 || f.Zone == r.Zone) &&
		(f.Auth == "" || f.Auth == r.Auth) &&
		age >= f.From && (f.Until == 0 || age < f.Until) &&
		(f.When == nil || f.When(r))
}
