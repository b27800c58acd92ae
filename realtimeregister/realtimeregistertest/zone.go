package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
)

// Zone is a zone to begin with. Only the name is needed.
type Zone struct {
	Name    string   // lower-case, no final dot (D)
	Service string   // BASIC or PREMIUM (D); empty is BASIC
	Records []string // JSON, kept byte for byte; nothing about them is checked

	Template        string   // present: the zone is linked (D)
	TemplateRecords []string // what its template has
	Master          string   // present: a secondary zone (D)
	DeletionDate    string   // it waits to be removed (D)
	NS              []string // vanity names of nameservers (D); none is the usual ones
	DNSSEC          bool
	HostMaster      string // empty is the default
	Refresh         int    // zero is the default, as of those below
	Retry           int
	Expire          int
	TTL             int

	Extra        map[string]string // unknown fields: name to JSON
	Undelegated  bool              // DNS does not serve it
	Unregistered bool              // GET /domains knows nothing of it
}

// Defaults of the SOA fields. (D: there are defaults; ?: which)
const (
	defaultHostMaster = "hostmaster@yoursrs.com"
	defaultRefresh    = 3600
	defaultRetry      = 900
	defaultExpire     = 1209600
	defaultTTL        = 3600
)

// settings are the fields of a zone that an update can change.
type settings map[string]json.RawMessage

// soaDefaults returns the default SOA fields.
func soaDefaults() settings {
	return settings{
		"hostMaster": quoted(defaultHostMaster),
		"refresh":    encode(defaultRefresh),
		"retry":      encode(defaultRetry),
		"expire":     encode(defaultExpire),
		"ttl":        encode(defaultTTL),
	}
}

func (z Zone) settings() settings {
	out := soaDefaults()
	for name, n := range map[string]int{"refresh": z.Refresh, "retry": z.Retry, "expire": z.Expire, "ttl": z.TTL} {
		if n != 0 {
			out[name] = encode(n)
		}
	}
	for name, text := range map[string]string{
		"hostMaster": z.HostMaster, "template": z.Template, "master": z.Master, "deletionDate": z.DeletionDate,
	} {
		if text != "" {
			out[name] = quoted(text)
		}
	}
	if z.NS != nil {
		out["ns"] = encode(z.NS)
	}
	out["dnssec"] = encode(z.DNSSEC)
	return out
}

// version is what a zone was from a moment on. It never changes.
type version struct {
	from     time.Time
	serial   uint32
	updated  string // a time in seconds (D), or empty
	settings settings
	records  []*stored
}

// zone is a zone with as much history as the stale views need. The Server's lock
// guards it.
type zone struct {
	seed     Zone
	id       int
	account  string
	created  string
	versions []version // oldest first, never empty
	template []*stored

	reads       int       // how often the API has shown it
	wroteAt     time.Time // the last write by the API
	wroteBy     string    // the reader who wrote it
	beforeWrite version   // what it was before
	readBacks   int       // how many GETs are still to be stale

	removed  map[string]int // records that a foreign writer removed, and when
	resetAt  map[string]int // settings that a foreign writer changed, and when
	newestBy map[string]sign
}

func (z *zone) now() version { return z.versions[len(z.versions)-1] }

// at is the zone as it was then, or as it was at first if it is younger.
func (z *zone) at(then time.Time) version {
	for _, v := range slices.Backward(z.versions) {
		if !v.from.After(then) {
			return v
		}
	}
	return z.versions[0]
}

// become makes a new version, and drops those that no read can show.
func (z *zone) become(s settings, records []*stored, now time.Time, keep time.Duration) {
	z.versions = append(z.versions, version{
		from: now, serial: z.now().serial + 1, updated: stamp(now), settings: maps.Clone(s), records: records,
	})
	seen := 0
	for seen+1 < len(z.versions) && !z.versions[seen+1].from.After(now.Add(-keep)) {
		seen++
	}
	z.versions = slices.Delete(z.versions, 0, seen)
}

// stamp is a time as the API writes it. (D)
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// nameservers are the names of the nameservers. (D: of BASIC zones)
func (z *zone) nameservers(v version) []string {
	var names []string
	_ = json.Unmarshal(v.settings["ns"], &names) // there may be none
	if len(names) == 0 {
		return usualNameservers()
	}
	return names
}

func usualNameservers() []string { return []string{"ns1.yoursrs.com", "ns2.yoursrs.com"} }

// defaultRecords are the automatic SOA and apex NS. (D: that they are there; ?:
// the form of the SOA's content)
func (z *zone) defaultRecords(v version, serial uint32) json.RawMessage {
	names := z.nameservers(v)
	soa := fmt.Sprintf("%s hostmaster.%s %d %s %s %s %s", names[0], z.seed.Name, serial,
		v.settings["refresh"], v.settings["retry"], v.settings["expire"], v.settings["ttl"])
	out := []json.RawMessage{json.RawMessage(Record(z.seed.Name, "SOA", soa, defaultTTL))}
	for _, ns := range names {
		out = append(out, json.RawMessage(Record(z.seed.Name, "NS", ns, defaultTTL)))
	}
	return encode(out)
}

// served is the zone as DNS has it.
func (z *zone) served(v version) hosttest.Zone {
	records := v.records
	if v.settings["template"] != nil {
		records = slices.Concat(records, z.template)
	}
	return hosttest.Zone{
		Domain: z.seed.Name, Serial: v.serial, Nameservers: z.nameservers(v),
		Records: servedRecords(records),
	}
}

func servedRecords(records []*stored) hosttest.Records {
	return func(yield func(string, func() dns.RR) bool) {
		for _, r := range records {
			if !yield(r.name+".", func() dns.RR { return r.rr }) {
				return
			}
		}
	}
}
