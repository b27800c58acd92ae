package realtimeregister

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// Methods for `webhook check`. They only read.

// Covering returns the zones with the longest name that covers fqdn, including those pending deletion: none, one, or a
// BASIC and a PREMIUM zone.
func (c *Client) Covering(ctx context.Context, fqdn string) ([]*Zone, error) {
	for _, candidate := range candidates("", dnsname.TrimDot(fqdn)) {
		if zones, err := c.Zones(ctx, candidate); err != nil || len(zones) > 0 {
			return zones, err
		}
	}
	return nil, nil
}

// IsPending reports whether the zone is pending deletion.
func (z *Zone) IsPending() bool { return z.pending }

// Template returns the template that the zone is linked to, or "".
func (z *Zone) Template() string { return z.template }

// Master returns the primary server of a secondary zone, or "".
func (z *Zone) Master() string { return z.master }

// Name returns the record's name in lower case, without a final dot.
func (r *Record) Name() string { return r.name }

// Type returns the record's type in upper case.
func (r *Record) Type() string { return r.typ }

// Content returns the record's content as the API shows it.
func (r *Record) Content() string { return r.content }

// Named returns the names of TXT records that start with a prefix.
func (z *Zone) Named(prefix string) []string {
	var names []string
	for _, r := range z.Records {
		if r.typ == "TXT" && strings.HasPrefix(r.name, prefix) && !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return names
}

// Doubt is a record that can make the API reject every update of its zone, because an update contains all records.
type Doubt struct {
	// Record is the name and type.
	Record string
	// Fault is the reason.
	Fault string
	// Certain: the API rejects it.
	Certain bool
}

// Doubts returns the records for which the API might reject an update.
func (z *Zone) Doubts() []Doubt {
	var doubts []Doubt
	first := map[string]bool{}
	names := map[string]int{}
	for _, r := range z.Records {
		names[r.name]++
	}
	for _, r := range z.Records {
		note := func(certain bool, fault string) { doubts = append(doubts, Doubt{r.String(), fault, certain}) }
		prio := r.prio()
		switch {
		case (r.typ == "MX" || r.typ == "SRV") && !prio.isWithin(0, 65535):
			note(true, "it has no prio")
		case r.typ == "NS" && r.name == z.Name:
			note(true, "the NS records of the zone itself are automatic")
		case r.content == "":
			note(true, "it has no content")
		case r.name != z.Name && !strings.HasSuffix(r.name, "."+z.Name):
			note(true, "its name is not in the zone")
		case r.typ == "TXT" && isQuoted(r.content):
			note(false, "its content is within quotes")
		case r.typ == "CNAME" && names[r.name] > 1:
			note(false, "its name has both a CNAME and other records")
		}
		switch ttl := number(r.ttl); {
		case !ttl.isWithin(1, MaxTTL):
			note(true, "its ttl is out of bounds")
		case !ttl.isWithin(MinTTL, MaxTTL):
			note(false, "its ttl is less than 60")
		}
		key := strings.Join([]string{r.name, r.typ, r.content, string(prio)}, "\n")
		if first[key] {
			note(false, "it is a duplicate")
		}
		first[key] = true
	}
	return doubts
}

// number is a JSON number, or nil.
type number json.RawMessage

func (n number) isWithin(least, most float64) bool {
	var f *float64
	return json.Unmarshal(n, &f) == nil && f != nil && *f == float64(int64(*f)) && *f >= least && *f <= most
}

func (r *Record) prio() number {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(r.raw, &fields) // parseRecord decoded it before
	return number(fields["prio"])
}

func isQuoted(text string) bool {
	return len(text) >= 2 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`)
}

// nameserversOf returns the nameservers of a zone without final dots: those in ns, else those in the automatic records,
// else the default ones of a BASIC zone.
func nameserversOf(fields map[string]json.RawMessage, service, zone string) []string {
	var names []string
	_ = json.Unmarshal(fields["ns"], &names) // ignored in another form
	if len(names) == 0 {
		var defaults []struct{ Name, Type, Content string }
		_ = json.Unmarshal(fields["defaultRecords"], &defaults)
		for _, r := range defaults {
			if r.Type == "NS" && dnsname.TrimDot(r.Name) == zone {
				names = append(names, r.Content)
			}
		}
	}
	if len(names) == 0 && service == basic {
		return []string{"ns1.yoursrs.com", "ns2.yoursrs.com"}
	}
	for i, name := range names {
		names[i] = dnsname.TrimDot(name)
	}
	return names
}

const basic = "BASIC"
