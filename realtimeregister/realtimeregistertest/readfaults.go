package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"time"
)

// StaleRead shows zones as they were age ago, limited by Options.History. (?)
func StaleRead(age time.Duration) Kind {
	return Kind{fmt.Sprintf("read stale by %s", age), func(c *call) {
		c.staleBy = age
		c.send(c.carryOut())
	}}
}

// ShortRead shows the first half of the records. (?)
func ShortRead() Kind {
	return alteredRead("short read", func(v *shown, o Options) { v.setRecords(v.records[:len(v.records)/2], o) })
}

// AbsentRecords omits the field records, as for an empty zone. (?)
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

// NullRecords shows null as the records. (?)
func NullRecords() Kind {
	return alteredRead("null records", func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.empty = EmptyNull
	})
}

// OtherRecords shows another JSON value as the records. (I)
func OtherRecords(value string) Kind {
	return alteredRead("records "+value, func(v *shown, o Options) {
		v.setRecords(nil, o)
		v.other = json.RawMessage(value)
	})
}

// OtherName shows a zone with another name. (I)
func OtherName(name string) Kind {
	return alteredRead("zone named "+name, func(v *shown, _ Options) { v.rename = name })
}

// alteredRead alters what GET shows of zones; other calls succeed.
func alteredRead(name string, alter func(*shown, Options)) Kind {
	return Kind{name, func(c *call) {
		a := c.carryOut()
		for _, v := range a.zones {
			alter(v, c.opts)
		}
		c.send(a)
	}}
}

// NoZones answers GET /dns/zones with an empty list; other calls succeed. (I)
func NoZones() Kind {
	return Kind{"no zones", func(c *call) {
		a := c.carryOut()
		if a.list != nil {
			a.zones, a.list.Total = nil, 0
		}
		c.send(a)
	}}
}
