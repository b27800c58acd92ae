package realtimeregistertest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Change is one record that was added to a zone or removed from it.
type Change struct {
	Time   time.Time
	Zone   string
	Record string // JSON
	Added  bool   // false: it was removed
	ByAPI  bool   // false: a foreign writer made the change
}

// AddRecord adds a record as a foreign writer. It validates nothing.
func (s *Server) AddRecord(id int, record string) {
	s.foreignWrite(id, func(_ *zone, records []*stored) []*stored {
		return append(records, s.foreign([]string{record})...)
	})
}

// DeleteRecord removes, as a foreign writer, every record that is the same JSON value. It reports whether there was one.
func (s *Server) DeleteRecord(id int, record string) bool {
	found := false
	s.foreignWrite(id, func(z *zone, records []*stored) []*stored {
		value := canonical([]byte(record))
		return slices.DeleteFunc(records, func(r *stored) bool {
			if r.value != value {
				return false
			}
			z.removed[r.key(s.opts.Names == NamesAsStored)] = s.events
			found = true
			return true
		})
	})
	return found
}

// SetRecords replaces all records as a foreign writer, such as a form in a portal.
func (s *Server) SetRecords(id int, records ...string) {
	s.foreignWrite(id, func(z *zone, old []*stored) []*stored {
		out := s.foreign(records)
		for i, r := range out {
			if j := slices.IndexFunc(old, func(o *stored) bool { return o.value == r.value && o.foreign }); j >= 0 {
				out[i] = old[j]
			}
		}
		for _, r := range old {
			if !slices.ContainsFunc(out, func(n *stored) bool { return n.value == r.value }) {
				z.removed[r.key(s.opts.Names == NamesAsStored)] = s.events
			}
		}
		return out
	})
}

func (s *Server) foreignWrite(id int, change func(*zone, []*stored) []*stored) {
	s.lock()
	defer s.mu.Unlock()
	z := s.mustZone(id)
	s.events++
	v := z.now()
	s.write(z, v.settings, change(z, slices.Clone(v.records)), false)
}

// SetSetting changes a field as a foreign writer, such as dnssec, ns, template, master or deletionDate, to a JSON
// value. "" removes the field.
func (s *Server) SetSetting(id int, field, value string) {
	s.lock()
	defer s.mu.Unlock()
	z := s.mustZone(id)
	s.events++
	v := z.now()
	changed := maps.Clone(v.settings)
	if value == "" {
		delete(changed, field)
	} else {
		changed[field] = json.RawMessage(value)
	}
	z.resetAt[field] = s.events
	s.write(z, changed, v.records, false)
}

// write adds a version of a zone. Callers hold the lock.
func (s *Server) write(z *zone, to settings, records []*stored, byAPI bool) {
	now := time.Now()
	before := z.now().records
	z.become(to, records, now, max(s.opts.StaleReads, s.opts.DNSLag, s.opts.History))
	if s.opts.Observe == nil {
		return
	}
	gone, added := difference(before, records, true)
	for _, r := range gone {
		s.opts.Observe(Change{Time: now, Zone: z.seed.Name, Record: string(r.raw), ByAPI: byAPI})
	}
	for _, r := range added {
		s.opts.Observe(Change{Time: now, Zone: z.seed.Name, Record: string(r.raw), ByAPI: byAPI, Added: true})
	}
}

// difference returns the records in only one of the lists. Copies count.
func difference(before, after []*stored, exactNames bool) (gone, added []*stored) {
	left := map[string]int{}
	for _, r := range after {
		left[r.key(exactNames)]++
	}
	for _, r := range foreignFirst(before) {
		if k := r.key(exactNames); left[k] > 0 {
			left[k]--
		} else {
			gone = append(gone, r)
		}
	}
	for _, r := range slices.Backward(after) { // surplus copies are the last ones
		if k := r.key(exactNames); left[k] > 0 {
			left[k]--
			added = append(added, r)
		}
	}
	slices.Reverse(added)
	return gone, added
}

// foreignFirst sorts foreign records before equal ones of the client.
func foreignFirst(records []*stored) []*stored {
	var foreign, own []*stored
	for _, r := range records {
		if r.foreign {
			foreign = append(foreign, r)
		} else {
			own = append(own, r)
		}
	}
	return append(foreign, own...)
}

// key returns the value by which records are compared: the JSON value, with the name in lower case if the API does not
// preserve the case of names.
func (r *stored) key(exactNames bool) string {
	if exactNames || r.fields == nil || r.text("name") == r.name {
		return r.value
	}
	return canonical(withString(r.raw, "name", r.name))
}
