package realtimeregistertest

import "time"

// remembersRecords is how long a client must remember the records that it saw: a zone can be large.
const remembersRecords = 9 * time.Minute

// readerOf is one client and one zone.
type readerOf struct {
	reader string
	zone   int
}

// memory is what a client knows of a zone.
type memory struct {
	last  *basis
	seen  sign                // the newest in its own lists
	known map[string]sighting // by value
}

// sighting is when a client last saw, sent or removed a record.
type sighting struct {
	at      time.Time
	removed bool
}

func (m *memory) hasSeen(value string) bool {
	k, known := m.known[value]
	return known && !k.removed && time.Since(k.at) < remembersRecords
}

// basis is what a client read before an update.
type basis struct {
	at       int            // event counter
	records  map[string]int // by value
	settings settings
	evident  bool // stale or short, and the client could notice
}

func (s *Server) memory(reader string, z *zone) *memory {
	k := readerOf{reader, z.id}
	if s.readers[k] == nil {
		s.readers[k] = &memory{known: map[string]sighting{}}
	}
	return s.readers[k]
}

// remember notes what a response shows its client. A stale or short view is evident if it is older than what the key
// has read by id or written, older than what this client has seen in a list, which needs no lock, lacks a record that
// this client has recently seen or sent, or has one that it removed. The basis of an update is the last read by id, because
// lists can be read at any time.
func (s *Server) remember(c *call, zones []*shown) {
	if len(zones) == 0 {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	exact := s.opts.Names == NamesAsStored
	for _, v := range zones {
		if v.rename != "" {
			continue // a client must not believe anything about a zone of another name
		}
		m := s.memory(c.reader, v.zone)
		b := &basis{at: v.at, records: map[string]int{}, settings: v.view.settings}
		b.evident = v.zone.newestBy[c.request.Auth].or(m.seen).newerThan(v.sign)
		for _, r := range v.records {
			b.records[r.key(exact)]++
		}
		lacking, beyond := difference(v.expected, v.records, exact)
		for _, r := range lacking {
			b.evident = b.evident || m.hasSeen(r.key(exact))
		}
		for _, r := range beyond {
			b.evident = b.evident || m.known[r.key(exact)].removed
		}
		for k := range b.records {
			m.known[k] = sighting{at: time.Now()}
		}
		if v.byID || m.last == nil {
			m.last = b
		}
		if v.byID {
			v.zone.newestBy[c.request.Auth] = v.zone.newestBy[c.request.Auth].or(v.sign)
		} else {
			m.seen = m.seen.or(v.sign)
		}
	}
}

// knowPosted notes what a client sent, and what it removed.
func (m *memory) knowPosted(u *update, o Options) {
	if !u.posted {
		return
	}
	exact := o.Names == NamesAsStored
	sent := map[string]bool{}
	for _, r := range u.records {
		sent[r.key(exact)] = true
	}
	if m.last != nil {
		for k := range m.last.records {
			if !sent[k] {
				m.known[k] = sighting{at: time.Now(), removed: true}
			}
		}
	}
	for k := range sent {
		m.known[k] = sighting{at: time.Now()}
	}
}
