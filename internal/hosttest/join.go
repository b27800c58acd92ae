package hosttest

// Join combines the zones of several simulators, so that one DNS server serves all of them and a CNAME can point from
// one to another. If two have the same zone, the first wins.
func Join(all ...Zones) Zones { return joined(all) }

type joined []Zones

// ZoneOf returns the zone of exactly that domain.
func (j joined) ZoneOf(domain string) (Zone, bool) {
	for _, zones := range j {
		if z, found := zones.ZoneOf(domain); found {
			return z, true
		}
	}
	return Zone{}, false
}

// HostsBelow reports whether any of them hosts a zone below name.
func (j joined) HostsBelow(name string) bool {
	for _, zones := range j {
		if zones.HostsBelow(name) {
			return true
		}
	}
	return false
}
