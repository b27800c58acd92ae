package realtimeregistertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// sign is the evidence that a zone has changed.
type sign struct {
	date   string
	serial uint32
}

func (s sign) newerThan(other sign) bool { return s.date > other.date || s.serial > other.serial }

func (s sign) or(other sign) sign {
	return sign{max(s.date, other.date), max(s.serial, other.serial)}
}

func (v version) sign(reading SignsReading) sign {
	s := sign{date: v.updated, serial: v.serial}
	if reading == SignsSerial || reading == SignsNone {
		s.date = ""
	}
	if reading == SignsDate || reading == SignsNone {
		s.serial = 1
	}
	return s
}

// shown is a zone in a response.
type shown struct {
	zone     *zone
	byID     bool // false: in a list
	view     version
	sign     sign
	empty    EmptyReading
	records  []*stored       // of the view, in the order shown
	raws     [][]byte        // as shown
	expected []*stored       // the true records at that time
	at       int             // event counter at that time
	rename   string          // another name, for a fault
	other    json.RawMessage // another value of records, for a fault
}

// show returns what GET shows of a zone. Callers hold the lock.
func (s *Server) show(c *call, z *zone, byID bool) *shown {
	now := time.Now()
	o := s.opts
	view := z.now()
	z.reads++
	stale := o.Replicas == ReplicasAll ||
		o.Replicas == ReplicasAlternate && z.reads%2 == 0 ||
		o.Replicas == ReplicasOther && c.reader != z.wroteBy
	if stale && o.StaleReads > 0 {
		view = z.at(now.Add(-o.StaleReads))
	}
	if byID && z.readBacks > 0 {
		z.readBacks--
		view = z.beforeWrite
	}
	if c.staleBy > 0 {
		view = z.at(now.Add(-c.staleBy))
	}
	records := slices.Clone(view.records)
	if o.ShowTemplate && view.settings["template"] != nil {
		records = append(records, z.template...)
	}
	if !z.wroteAt.IsZero() {
		switch since := now.Sub(z.wroteAt); {
		case since < o.AbsentAfterWrite:
			records = nil
		case since < o.ShortAfterWrite:
			records = records[:len(records)/2]
		}
	}
	if o.Order == OrderShuffled {
		random := rand.New(rand.NewPCG(uint64(z.id), uint64(z.reads))) //nolint:gosec // the same order for the same test
		random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}
	s.events++
	v := &shown{zone: z, byID: byID, view: view, sign: view.sign(o.Signs), empty: o.Empty, expected: z.now().records, at: s.events}
	v.setRecords(records, o)
	return v
}

func (v *shown) setRecords(records []*stored, o Options) {
	v.records, v.raws = records, nil
	for _, r := range records {
		v.raws = append(v.raws, shownRaw(r, o.Names))
	}
}

// shownRaw returns a record with its name in the case of the reading.
func shownRaw(r *stored, reading NamesReading) []byte {
	switch reading {
	case NamesLower:
		return withString(r.raw, "name", r.name)
	case NamesUpper:
		return withString(r.raw, "name", strings.ToUpper(r.name))
	case NamesMixed:
		mixed := []byte(r.name)
		for i := 0; i < len(mixed); i += 2 {
			mixed[i] = strings.ToUpper(string(mixed[i : i+1]))[0]
		}
		return withString(r.raw, "name", string(mixed))
	default:
		return r.raw
	}
}

// json returns the zone in the API's JSON. (D)
func (v *shown) json() []byte {
	z := v.zone
	name := z.seed.Name
	if v.rename != "" {
		name = v.rename
	}
	var b bytes.Buffer
	put := func(field string, value []byte) {
		if value == nil {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", quoted(field), value)
	}
	put("id", encode(z.id))
	put("name", quoted(name))
	put("customer", quoted(z.account))
	put("createdDate", quoted(z.created))
	if v.sign.date != "" {
		put("updatedDate", quoted(v.sign.date))
	}
	put("managed", encode(!z.seed.Unregistered))
	put("service", quoted(z.seed.Service))
	for _, field := range []string{
		"deletionDate", "template", "master", "ns", "hostMaster", "refresh", "retry", "expire", "ttl", "dnssec",
	} {
		put(field, v.view.settings[field])
	}
	put("defaultRecords", z.defaultRecords(v.view, v.sign.serial))
	put("records", v.recordsJSON())
	for _, field := range slices.Sorted(maps.Keys(z.seed.Extra)) {
		put(field, []byte(z.seed.Extra[field]))
	}
	return []byte("{" + b.String() + "}")
}

func (v *shown) recordsJSON() []byte {
	if v.other != nil {
		return v.other
	}
	if len(v.raws) == 0 {
		switch v.empty {
		case EmptyList:
			return []byte("[]")
		case EmptyNull:
			return []byte("null")
		default:
			return nil
		}
	}
	return slices.Concat([]byte("["), bytes.Join(v.raws, []byte(",")), []byte("]"))
}
