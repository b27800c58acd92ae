package mijnhosttest

import (
	"iter"
	"slices"
	"time"
)

// chunkSize is how many records share a chunk of a list; see list.
const chunkSize = 64

// list is the records of a zone in order, and never changes once made: a write
// makes a new list, which shares with the old one every chunk in which nothing
// changed. So a zone of many thousand records can keep its history, which the
// stale views need, for a few kilobytes a write.
type list struct {
	chunks [][]stored
}

func newList(records []Record, domain string) list {
	all := make([]stored, len(records))
	for i, r := range records {
		all[i] = newStored(r, domain)
	}
	return list{chunks: slices.Collect(slices.Chunk(all, chunkSize))}
}

func (l list) all() iter.Seq[stored] {
	return func(yield func(stored) bool) {
		for _, chunk := range l.chunks {
			for _, r := range chunk {
				if !yield(r) {
					return
				}
			}
		}
	}
}

func (l list) contains(match func(stored) bool) bool {
	for _, chunk := range l.chunks {
		if slices.ContainsFunc(chunk, match) {
			return true
		}
	}
	return false
}

// with is the list with one more record at its end.
func (l list) with(r stored) list {
	chunks := slices.Clone(l.chunks)
	last := len(chunks) - 1
	if last < 0 || len(chunks[last]) >= chunkSize {
		return list{chunks: append(chunks, []stored{r})}
	}
	// Clipped, so that it is copied: the old list still has the old chunk, and
	// an append must never write into room that another list could share.
	chunks[last] = append(slices.Clip(chunks[last]), r)
	return list{chunks: chunks}
}

// rewritten is the list in which f has been asked for every record that
// matches: it gives the record to have in its place, or false for none.
func (l list) rewritten(match func(stored) bool, f func(stored) (stored, bool)) list {
	out := make([][]stored, 0, len(l.chunks))
	for _, chunk := range l.chunks {
		if !slices.ContainsFunc(chunk, match) {
			out = append(out, chunk)
			continue
		}
		changed := make([]stored, 0, len(chunk))
		for _, r := range chunk {
			keep := true
			if match(r) {
				r, keep = f(r)
			}
			if keep {
				changed = append(changed, r)
			}
		}
		if len(changed) > 0 {
			out = append(out, changed)
		}
	}
	return list{chunks: out}
}

// version is what a zone was from a moment on.
type version struct {
	from    time.Time
	serial  uint32
	records list
}

// zone is a domain's records with as much history as the stale views need.
// The Server's lock guards it; the versions that it hands out never change.
type zone struct {
	domain    string // lower-case, no trailing dot
	id        int
	elsewhere bool      // its nameservers are elsewhere
	wroteAt   time.Time // the last write by the API
	reads     int       // how often the API has read it
	versions  []version // oldest first, never empty
}

func newZone(domain string, id int, now time.Time) *zone {
	return &zone{domain: domain, id: id, versions: []version{{from: now, serial: 1}}}
}

func (z *zone) now() version { return z.versions[len(z.versions)-1] }

// at is the zone as it was then, or as it was at first if it is younger.
func (z *zone) at(then time.Time) version {
	for _, v := range slices.Backward(z.versions) {
		if !v.from.After(then) {
			return v
		}
	}
	return z.versions[0]
}

// begin makes the records what the zone has always been.
func (z *zone) begin(records list, now time.Time) {
	z.versions = []version{{from: now, serial: z.now().serial + 1, records: records}}
}

// become makes a new version, and forgets those that no view needs any more.
func (z *zone) become(records list, now time.Time, keep time.Duration) {
	z.versions = append(z.versions, version{from: now, serial: z.now().serial + 1, records: records})
	seen := 0
	for seen+1 < len(z.versions) && !z.versions[seen+1].from.After(now.Add(-keep)) {
		seen++
	}
	z.versions = slices.Delete(z.versions, 0, seen)
}
