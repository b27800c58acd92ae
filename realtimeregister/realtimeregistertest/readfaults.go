package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"time"
)

// StaleRead shows zones as they were that long ago, as far back as
// Options.History goes. (?)
func StaleRead(age time.Duration) Kind {
	return Kind{fmt.Sprintf("read %s stale", age), func(c *call) {
		c.staleBy = age
		c.send(c.carryOut())
	}}
}

// ShortRead shows the first half of the records. (?)
func ShortRead() Kind {
	return alteredRead("short read", func(v *shown, o Options) { v.setRecords(v.records[:len(v.records)/2], o) })
}

// AbsentRecords shows no records, as if there were none. (?)
func AbsentRecords() Kind {
	return alteredRead("absent records", func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.empty = EmptyAbsent
	})
}

// EmptyRecords shows an empty list of records. (?)
func EmptyRecords() Kind {
	return alteredRead("empty records", func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.empty = EmptyList
	})
}

// NullRecords shows null for records. (?)
func NullRecords() Kind {
	return alteredRead("null records", func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.empty = EmptyNull
	})
}

// OtherRecords shows a JSON value for records that is not theirs. (I)
func OtherRecords(value string) Kind {
	return alteredRead("records "+value, func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.other = json.RawMessage(value)
	})
}

// OtherName shows a zone under another name. (I)
func OtherName(name string) Kind {
	return alteredRead("zone named "+name, func(v *shown, _ Options) { v.rename = name })
}

// alteredRead alters what a GET shows of zones; other calls go well.
func alteredRead(name string, alter func(*shown, Options)) Kind {
	return Kind{name, func(c *call) {
		a := c.carryOut()
		for _, v := range a.zones {
			alter(v, c.opts)
		}
		c.send(a)
	}}
}

// NoZones answers GET /dns/zones with none; other calls go well. (I)
func NoZones() Kind {
	return Kind{"no zones", func(c *call) {
		a := c.carryOut()
		if a.list != nil {
			a.zones, a.list.Total = nil, 0
		}
		c.send(a)
	}}
}
