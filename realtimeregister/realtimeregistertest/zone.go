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

// Zone is the initial state of a zone. Only Name is required.
type Zone struct {
	Name    string   // lower case, no final dot (D)
	Service string   // BASIC or PREMIUM (D); default BASIC
	Records []string // JSON, kept byte for byte, not validated

	Template        string   // if set, the zone is linked (D)
	TemplateRecords []string // records of the template
	Master          string   // if set, the zone is secondary (D)
	DeletionDate    string   // if set, the zone waits for deletion (D)
	NS              []string // vanity nameservers (D); default: the usual ones
	DNSSEC          bool
	HostMaster      string // empty: default
	Refresh         int    // zero: default, also for the fields below
	Retry           int
	Expire          int
	TTL             int

	Extra        map[string]string // unknown fields: name to JSON
	Undelegated  bool              // DNS does not serve it
	Unregistered bool              // unknown to GET /domains
}

// Defaults of the SOA fields. (D: they exist; their values: ?)
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

// version is an immutable state of a zone, from a point in time on.
type version struct {
	from     time.Time
	serial   uint32
	updated  string // a time in seconds (D), or empty
	settings settings
	records  []*stored
}

// zone is a zone with the history that stale reads need. The Server's lock guards it.
type zone struct {
	seed     Zone
	id       int
	account  string
	created  string
	versions []version // oldest first, never empty
	template []*stored

	reads       int       // number of reads by the API
	wroteAt     time.Time // last write by the API
	wroteBy     string    // the reader who made that write
	beforeWrite version   // the version before that write
	readBacks   int       // number of GETs that will still be stale

	removed  map[string]int // records removed by a foreign writer, and when
	resetAt  map[string]int // settings changed by a foreign writer, and when
	newestBy map[string]sign
}

func (z *zone) now() version { return z.versions[len(z.versions)-1] }

// at returns the version at that time, or the first version if the zone is younger.
func (z *zone) at(then time.Time) version {
	for _, v := range slices.Backward(z.versions) {
		if !v.from.After(then) {
			return v
		}
	}
	return z.versions[0]
}

// become adds a version, and removes those that no read can show.
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

// stamp formats a time as the API does. (D)
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// nameservers returns the names of the nameservers. (D: of BASIC zones)
func (z *zone) nameservers(v version) []string {
	var names []string
	_ = json.Unmarshal(v.settings["ns"], &names) // can be absent
	if len(names) == 0 {
		return usualNameservers()
	}
	return names
}

func usualNameservers() []string { return []string{"ns1.yoursrs.com", "ns2.yoursrs.com"} }

// defaultRecords returns the automatic SOA and apex NS. (D: they exist; the form of the SOA's content: ?)
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

// served returns the zone as DNS serves it.
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
