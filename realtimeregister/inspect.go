package realtimeregister

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// What is here is for `webhook check`: it looks at zones, and writes nothing.

// Covering returns the zones of the longest name that covers fqdn, those that wait to be deleted among them. There is none,
// one, or a BASIC and a PREMIUM one.
func (c *Client) Covering(ctx context.Context, fqdn string) ([]*Zone, error) {
	for _, candidate := range candidates("", dnsname.TrimDot(fqdn)) {
		if zones, err := c.Zones(ctx, candidate); err != nil || len(zones) > 0 {
			return zones, err
		}
	}
	return nil, nil
}

// IsPending reports whether the zone waits to be deleted.
func (z *Zone) IsPending() bool { return z.pending }

// Template names the template that the zone is linked to; empty for none.
func (z *Zone) Template() string { return z.template }

// Master names the server that a secondary zone has its records from; empty for none.
func (z *Zone) Master() string { return z.master }

// Name is the record's, bare and in lower case.
func (r *Record) Name() string { return r.name }

// Type is the record's, in upper case.
func (r *Record) Type() string { return r.typ }

// Content is what the record says, as the API shows it.
func (r *Record) Content() string { return r.content }

// Named are the names of TXT records that begin with a prefix.
func (z *Zone) Named(prefix string) []string {
	var names []string
	for _, r := range z.Records {
		if r.typ == "TXT" && strings.HasPrefix(r.name, prefix) && !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return names
}

// Doubt is a record for which the API may refuse an update of its zone, by anybody: an update has all records in it.
type Doubt struct {
	// Record is its name and type.
	Record string
	// Fault says what is wrong with it.
	Fault string
	// Certain: the API is known to refuse it.
	Certain bool
}

// Doubts returns the records that an update may be refused for, as far as is known.
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
			note(false, "a CNAME stands beside other records of its name")
		}
		switch ttl := number(r.ttl); {
		case !ttl.isWithin(1, MaxTTL):
			note(true, "its ttl is out of bounds")
		case !ttl.isWithin(MinTTL, MaxTTL):
			note(false, "its ttl is less than 60")
		}
		key := strings.Join([]string{r.name, r.typ, r.content, string(prio)}, "\n")
		if first[key] {
			note(false, "it is there more than once")
		}
		first[key] = true
	}
	return doubts
}

// number is a number in JSON, or nothing.
type number json.RawMessage

func (n number) isWithin(least, most float64) bool {
	var f *float64
	return json.Unmarshal(n, &f) == nil && f != nil && *f == float64(int64(*f)) && *f >= least && *f <= most
}

func (r *Record) prio() number {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(r.raw, &fields) // it has been read before
	return number(fields["prio"])
}

func isQuoted(text string) bool {
	return len(text) >= 2 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`)
}

// nameserversOf are the nameservers that a zone says it has, bare: its own, or those of its automatic records. A BASIC zone
// has the usual ones.
func nameserversOf(fields map[string]json.RawMessage, service, zone string) []string {
	var names []string
	_ = json.Unmarshal(fields["ns"], &names) // what has another form tells nothing
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
