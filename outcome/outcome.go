// Package outcome carries what a DNS host's provider learns about a challenge back to the one who tells of it, beside
// the error: it knows neither of them. A provider that notes nothing is told of with less detail, and nothing else.
package outcome

import (
	"context"
	"sync"
)

// Outcome is what was noted about one challenge. It is safe for concurrent use, for a call that is
// shared by several challenges can outlive the one that began it. A nil Outcome takes notes and keeps none.
type Outcome struct {
	mu      sync.Mutex
	domain  string
	calls   int
	givenUp string
}

type contextKey struct{}

// New returns a context in which notes can be taken, and the Outcome that keeps them.
func New(ctx context.Context) (context.Context, *Outcome) {
	o := &Outcome{}
	return context.WithValue(ctx, contextKey{}, o), o
}

// From returns the Outcome of ctx, or nil.
func From(ctx context.Context) *Outcome {
	o, _ := ctx.Value(contextKey{}).(*Outcome)
	return o
}

// SetDomain notes the domain of the account that the challenge is about.
func (o *Outcome) SetDomain(domain string) {
	o.note(func() { o.domain = domain })
}

// CountCall notes one more call of the DNS host's API.
func (o *Outcome) CountCall() {
	o.note(func() { o.calls++ })
}

// GiveUp notes why a record may stay behind although the challenge counts as cleaned up.
func (o *Outcome) GiveUp(reason error) {
	o.note(func() { o.givenUp = reason.Error() })
}

// TryOn takes GiveUp back: there is another place where the record can be.
func (o *Outcome) TryOn() {
	o.note(func() { o.givenUp = "" })
}

func (o *Outcome) note(what func()) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	what()
}

// Domain is the domain noted, empty for none.
func (o *Outcome) Domain() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.domain
}

// Calls is how many calls were noted.
func (o *Outcome) Calls() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// GivenUp is why a record may stay behind, empty if none does.
func (o *Outcome) GivenUp() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.givenUp
}
