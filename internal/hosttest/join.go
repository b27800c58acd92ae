package hosttest

// Join is what several simulators host, as one: so one DNS server can answer
// for all of them, and a CNAME can lead from a zone of one to a zone of another.
// Where two have a zone, the first one's is served.
func Join(all ...Zones) Zones { return joined(all) }

type joined []Zones

// ZoneOf is the zone of exactly that domain.
func (j joined) ZoneOf(domain string) (Zone, bool) {
	for _, zones := range j {
		if z, found := zones.ZoneOf(domain); found {
			return z, true
		}
	}
	return Zone{}, false
}

// HostsBelow reports whether any of them hosts a zone below the name.
func (j joined) HostsBelow(name string) bool {
	for _, zones := range j {
		if zones.HostsBelow(name) {
			return true
		}
	}
	return false
}
