package realtimeregistertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// HarmKind is a forbidden effect of an update.
type HarmKind string

// The kinds of harm.
const (
	RecordLost     HarmKind = "lost"
	RecordChanged  HarmKind = "changed"
	RecordAdded    HarmKind = "added" // neither a challenge value nor there before
	SettingChanged HarmKind = "setting changed"
)

// Cause is whether a client could have prevented a harm.
type Cause string

// The causes.
const (
	// Preventable: the client had read the record or setting and did not keep it.
	Preventable Cause = "preventable"
	// Raced: another client wrote between the client's read and its POST. The API has no version or precondition, so no
	// client can prevent it.
	Raced Cause = "raced"
	// HiddenStale: the client's read was stale or short, and nothing that it had read or written before revealed that.
	HiddenStale Cause = "hidden stale read"
)

// Harm is one change by an update to data that is not the client's.
type Harm struct {
	Time   time.Time // when the update took effect
	Zone   int
	Kind   HarmKind
	Cause  Cause
	Field  string // for SettingChanged
	Before string // JSON; "" if absent
	After  string // JSON; "" if absent
}

// String formats the harm on one line.
func (h Harm) String() string {
	return strings.TrimSpace(fmt.Sprintf("zone %d: %s (%s) %s: %s -> %s", h.Zone, h.Kind, h.Cause, h.Field, h.Before, h.After))
}

// DeclareChallenge allows the client to write and remove TXT values under a name: the given values, or all if none is
// given. They are never foreign.
func (s *Server) DeclareChallenge(name string, values ...string) {
	s.lock()
	defer s.mu.Unlock()
	name = canonicalName(name)
	old, found := s.challenges[name]
	if len(values) == 0 || found && old == nil {
		s.challenges[name] = nil
		return
	}
	if old == nil {
		s.challenges[name] = map[string]bool{}
	}
	for _, v := range values {
		s.challenges[name][v] = true
	}
}

func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func (s *Server) isChallenge(r *stored) bool {
	values, found := s.challenges[r.name]
	return found && r.typ == "TXT" && (values == nil || values[r.content])
}

// judgeRecords notes the harm of an update to records. It judges what was sent, not what the API stores.
func (s *Server) judgeRecords(u *update, before []*stored) {
	exact := s.opts.Names == NamesAsStored
	gone, added := difference(before, u.records, exact)
	gone = slices.DeleteFunc(gone, func(r *stored) bool { return !r.foreign || s.isChallenge(r) })
	added = slices.DeleteFunc(added, s.isChallenge)
	sent := map[string]int{}
	for _, r := range u.records {
		sent[r.key(exact)]++
	}
	for _, r := range gone {
		h := Harm{Kind: RecordLost, Before: string(r.raw)}
		if i := slices.IndexFunc(added, func(n *stored) bool { return n.name == r.name && n.typ == r.typ }); i >= 0 {
			h.Kind, h.After = RecordChanged, string(added[i].raw)
			added = slices.Delete(added, i, i+1)
		}
		k := r.key(exact)
		h.Cause = u.basis.cause(u.basis != nil && u.basis.records[k] > sent[k], r.since)
		s.note(u, h)
	}
	for _, r := range added {
		k := r.key(exact)
		s.note(u, Harm{
			Kind: RecordAdded, After: string(r.raw),
			Cause: u.basis.cause(u.basis == nil || u.basis.records[k] < sent[k], u.zone.removed[k]),
		})
	}
}

// judgeSettings notes the harm of an update to the fields of a zone.
func (s *Server) judgeSettings(u *update, before, after settings) {
	fields := maps.Clone(before)
	maps.Copy(fields, after)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		was, is := before[field], after[field]
		if canonical(was) == canonical(is) {
			continue
		}
		known := u.basis != nil && canonical(u.basis.settings[field]) == canonical(was)
		s.note(u, Harm{
			Kind: SettingChanged, Field: field, Before: string(was), After: string(is),
			Cause: u.basis.cause(known, u.zone.resetAt[field]),
		})
	}
}

// cause returns whether the client could have prevented the harm. It could if it knew better (knew), had read nothing,
// or had evidence that its read was wrong. changed is when another client made the difference.
func (b *basis) cause(knew bool, changed int) Cause {
	switch {
	case b == nil || knew:
		return Preventable
	case changed > b.at:
		return Raced
	case b.evident:
		return Preventable
	default:
		return HiddenStale
	}
}

func (s *Server) note(u *update, h Harm) {
	h.Time, h.Zone = time.Now(), u.zone.id
	s.harms = append(s.harms, h)
}

// Harms returns all harms of a cause, oldest first. It first applies delayed updates, so that none is missed.
func (s *Server) Harms(cause Cause) []Harm {
	s.lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 {
		s.settle(s.waiting[len(s.waiting)-1].due)
	}
	var out []Harm
	for _, h := range s.harms {
		if h.Cause == cause {
			out = append(out, h)
		}
	}
	return out
}

// EmptyUpdates returns the number of accepted updates with an empty list.
func (s *Server) EmptyUpdates() int {
	s.lock()
	defer s.mu.Unlock()
	return s.empties
}

// RequireNoHarm fails the test for each preventable harm. [Start] and [StartInMemory] call it at the end of every test.
func (s *Server) RequireNoHarm(tb hosttest.TB) {
	tb.Helper()
	for _, h := range s.Harms(Preventable) {
		tb.Errorf("an update did harm: %s", h)
	}
}
