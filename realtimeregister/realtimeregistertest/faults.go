package realtimeregistertest

import (
	"slices"
	"sync"
	"time"
)

// Fault is something that goes wrong with some calls.
type Fault struct {
	// Kind is what goes wrong. It must be set.
	Kind Kind

	// Which calls it is for: those for which all that is set here fits. The
	// zero values fit every call, those of no known operation included.
	Op     Operation
	Method string
	Zone   int
	Auth   string
	When   func(Request) bool // must not call the Server

	// Skip is how many of those calls go well first, and Times is how many
	// go wrong then; zero is all of them.
	Skip  int
	Times int

	// From and Until limit it in time, counted from the moment at which it
	// is injected. An Until of zero is never.
	From  time.Duration
	Until time.Duration
}

// faultTable is the faults injected, oldest first.
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

// Inject makes calls go wrong from now on, until remove is called. Of several
// faults that fit a call, the one that was injected first is played; the others
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

// next is the fault to play for the request.
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
