package mijnhosttest

import (
	"iter"
	"slices"
	"time"
)

// chunkSize is the number of records in a chunk of a list.
const chunkSize = 64

// list is an immutable list of a zone's records, in order. A write creates a new list, which shares all unchanged
// chunks with the old one. So a zone of many thousand records can keep the history for stale reads, for a few kilobytes
// per write.
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

// with returns the list with r appended.
func (l list) with(r stored) list {
	chunks := slices.Clone(l.chunks)
	last := len(chunks) - 1
	if last < 0 || len(chunks[last]) >= chunkSize {
		return list{chunks: append(chunks, []stored{r})}
	}
	// Clipped, so that append copies: the old list still uses this chunk.
	chunks[last] = append(slices.Clip(chunks[last]), r)
	return list{chunks: chunks}
}

// rewritten returns the list with f applied to every record that matches. f returns the replacement, or false to remove
// the record.
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

// version is a state of a zone, from a point in time on.
type version struct {
	from    time.Time
	serial  uint32
	records list
}

// zone is a domain's records, with the history that stale reads need. The Server's lock guards it; versions are immutable.
type zone struct {
	domain    string // lower case, no trailing dot
	id        int
	elsewhere bool      // its nameservers are elsewhere
	wroteAt   time.Time // last write by the API
	reads     int       // number of reads by the API
	versions  []version // oldest first, never empty
}

func newZone(domain string, id int, now time.Time) *zone {
	return &zone{domain: domain, id: id, versions: []version{{from: now, serial: 1}}}
}

func (z *zone) now() version { return z.versions[len(z.versions)-1] }

// at returns the version at that time, or the first version if the zone is younger.
func (z *zone) at(then time.Time) version {
	for _, v := range slices.Backward(z.versions) {
		if !v.from.After(then) {
			return v
		}
	}
	return z.versions[0]
}

// begin replaces the records and the history.
func (z *zone) begin(records list, now time.Time) {
	z.versions = []version{{from: now, serial: z.now().serial + 1, records: records}}
}

// become adds a version, and removes those that no reading needs.
func (z *zone) become(records list, now time.Time, keep time.Duration) {
	z.versions = append(z.versions, version{from: now, serial: z.now().serial + 1, records: records})
	seen := 0
	for seen+1 < len(z.versions) && !z.versions[seen+1].from.After(now.Add(-keep)) {
		seen++
	}
	z.versions = slices.Delete(z.versions, 0, seen)
}
