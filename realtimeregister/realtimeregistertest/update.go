package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// update is an accepted update that has not taken effect yet.
type update struct {
	due      time.Time
	zone     *zone
	changes  settings // as sent
	posted   bool     // records were sent
	records  []*stored
	basis    *basis // what its client last read; nil if nothing
	reader   string
	auth     string
	received time.Time
}

// settingProblem returns why the API refuses a field of an update, or "". (D: the fields and the bounds of ttl; I:
// these checks)
func settingProblem(field string, value json.RawMessage) string {
	var text string
	var flag bool
	var list []string
	var err error
	switch field {
	case "template", "master", "hostMaster":
		err = json.Unmarshal(value, &text)
	case "link", "dnssec":
		err = json.Unmarshal(value, &flag)
	case "ns":
		err = json.Unmarshal(value, &list)
	case "refresh", "retry", "expire", "ttl":
		n, ok := whole(value)
		if !ok || n < 1 || field == "ttl" && (n < 60 || n > maxTTL) {
			return "is out of range"
		}
	default:
		return "is unknown"
	}
	if err != nil || string(value) == "null" {
		return "has the wrong type"
	}
	return ""
}

// updateZone accepts an update. Every field is optional. records replaces all records (D), [] empties the zone (O), and
// without the field they stay (I).
func (s *Server) updateZone(c *call, z *zone) answer {
	var fields settings
	if decodeWhole(c.request.Body, &fields) != nil || fields == nil {
		return failure(http.StatusBadRequest, typeInvalid, "Malformed request")
	}
	u := &update{
		due: c.request.Time.Add(s.opts.EffectDelay + c.delay), zone: z, changes: settings{},
		basis: s.memory(c.reader, z).last, reader: c.reader, auth: c.request.Auth, received: c.request.Time,
	}
	for field, value := range fields {
		if field == "records" {
			continue
		}
		if message := settingProblem(field, value); message != "" {
			return failure(http.StatusBadRequest, typeInvalid, fmt.Sprintf("%s %s", field, message))
		}
		u.changes[field] = value
	}
	if value, found := fields["records"]; found {
		var raws []json.RawMessage
		if json.Unmarshal(value, &raws) != nil || raws == nil {
			return failure(http.StatusBadRequest, typeInvalid, "records has the wrong type")
		}
		u.posted = true
		s.events++
		for _, raw := range raws {
			u.records = append(u.records, newStored(stripped(raw), false, s.events))
		}
		if refused := validate(u.records, z.seed.Name, s.opts); refused != nil {
			return answer{code: http.StatusBadRequest, body: refused}
		}
		if len(raws) == 0 {
			s.empties++
		}
	}
	if reading := s.prohibits(u); reading == PostRefused {
		return failure(http.StatusBadRequest, typeProhibited, "The status of the zone prohibits the operation")
	}
	s.memory(c.reader, z).knowPosted(u, s.opts)
	s.waiting = append(s.waiting, u)
	slices.SortStableFunc(s.waiting, func(a, b *update) int { return a.due.Compare(b.due) })
	s.settle(time.Now())
	return s.updateAnswer()
}

// prohibits returns the reading for a linked, secondary or deleted zone.
func (s *Server) prohibits(u *update) PostReading {
	now := u.zone.now().settings
	switch {
	case now["deletionDate"] != nil && s.opts.Deletion == DeletionRefuses:
		return PostRefused
	case u.posted && now["template"] != nil:
		return s.opts.Linked
	case u.posted && now["master"] != nil:
		return s.opts.Secondary
	}
	return PostAccepted
}

func (s *Server) updateAnswer() answer {
	a := answer{code: http.StatusOK, empty: s.opts.UpdateBody == UpdateBodyEmpty, body: struct{}{}}
	if s.opts.Update == UpdateAccepted {
		a.code = http.StatusAccepted
	}
	if s.opts.Update != UpdateOK {
		s.processes++
		a.processID = strconv.Itoa(s.processes)
	}
	return a
}

// settle applies the updates that are due. Callers hold the lock.
func (s *Server) settle(now time.Time) {
	for len(s.waiting) > 0 && !s.waiting[0].due.After(now) {
		u := s.waiting[0]
		s.waiting = s.waiting[1:]
		if s.zone(u.zone.id) != nil {
			s.takeEffect(u)
		}
	}
}

func (s *Server) takeEffect(u *update) {
	z := u.zone
	before := z.now()
	to := u.settled(before.settings, s.opts)
	records := before.records
	if reading := s.prohibits(u); u.posted && reading != PostIgnored {
		records = s.inherit(before.records, u.records)
		s.judgeRecords(u, before.records)
	}
	s.judgeSettings(u, before.settings, to)
	z.wroteAt, z.wroteBy, z.beforeWrite, z.readBacks = time.Now(), u.reader, before, s.opts.StaleReadBacks
	s.write(z, to, records, true)
	z.newestBy[u.auth] = z.newestBy[u.auth].or(z.now().sign(s.opts.Signs))
}

// settled returns the settings after the update.
func (u *update) settled(before settings, o Options) settings {
	to := maps.Clone(before)
	if o.SOA == SOAReset {
		maps.Copy(to, soaDefaults())
	}
	maps.Copy(to, u.changes)
	delete(to, "link")
	if string(u.changes["link"]) == "false" {
		delete(to, "template")
	}
	if o.Deletion == DeletionRevives {
		delete(to, "deletionDate")
	}
	return to
}

// inherit returns the sent list as it is stored: records that already existed keep their owner.
func (s *Server) inherit(before, sent []*stored) []*stored {
	exact := s.opts.Names == NamesAsStored
	old := map[string][]*stored{}
	for _, r := range foreignFirst(before) {
		old[r.key(exact)] = append(old[r.key(exact)], r)
	}
	var out []*stored
	for _, r := range sent {
		if s.opts.QuotedTXT == QuotedRemoved && r.typ == "TXT" && isQuotedText(r.content) {
			r = newStored(withString(r.raw, "content", r.content[1:len(r.content)-1]), r.foreign, r.since)
		}
		if was := old[r.key(exact)]; len(was) > 0 {
			old[r.key(exact)] = was[1:]
			kept := *r
			kept.foreign, kept.since = was[0].foreign, was[0].since
			r = &kept
		}
		if s.opts.Duplicates == DuplicatesMerged && slices.ContainsFunc(out, r.duplicates) {
			continue
		}
		out = append(out, r)
	}
	return out
}
