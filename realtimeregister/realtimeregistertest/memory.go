package realtimeregistertest

// readerOf is one client and one zone.
type readerOf struct {
	reader string
	zone   int
}

// memory is what a client knows of a zone.
type memory struct {
	last  *basis
	seen  sign            // the newest of its own lists
	known map[string]bool // records that it has seen or sent: true; that it has removed: false
}

// basis is what a client read: what its next update can be based upon.
type basis struct {
	at       int            // the count of events
	records  map[string]int // by value
	settings settings
	evident  bool // stale or short, and the client could know it
}

func (s *Server) memory(reader string, z *zone) *memory {
	k := readerOf{reader, z.id}
	if s.readers[k] == nil {
		s.readers[k] = &memory{known: map[string]bool{}}
	}
	return s.readers[k]
}

// remember notes what an answer shows its client. That a view is not the truth
// is evident if it is older than what the key was shown by id or wrote before, or
// what this client was shown in a list, which it may ask for without any lock; or if
// it lacks a record that this client saw or sent, or has one that it removed. An
// update is based upon the last read by id: others who use the client may list
// zones at any time.
func (s *Server) remember(c *call, zones []*shown) {
	if len(zones) == 0 {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	exact := s.opts.Names == NamesAsStored
	for _, v := range zones {
		m := s.memory(c.reader, v.zone)
		b := &basis{at: v.at, records: map[string]int{}, settings: v.view.settings}
		b.evident = v.zone.newestBy[c.request.Auth].or(m.seen).newerThan(v.sign)
		for _, r := range v.records {
			b.records[r.key(exact)]++
		}
		lacking, beyond := difference(v.expected, v.records, exact)
		for _, r := range lacking {
			b.evident = b.evident || m.known[r.key(exact)]
		}
		for _, r := range beyond {
			present, known := m.known[r.key(exact)]
			b.evident = b.evident || known && !present
		}
		for k := range b.records {
			m.known[k] = true
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

// knowPosted notes what a client sent, and what it took out.
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
				m.known[k] = false
			}
		}
	}
	for k := range sent {
		m.known[k] = true
	}
}
