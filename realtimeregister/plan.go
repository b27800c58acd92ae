package realtimeregister

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// plan is an update to send.
type plan struct {
	base    *Zone
	jobs    []*job
	kept    []*Record // of the base, in order
	removed []*Record
	added   []addition
}

// addition is a record to add, for a job or to restore a lost value.
type addition struct {
	record *Record
	entry  entry
	job    *job // nil if restored
}

// plan returns the update for the jobs. It fails impossible jobs.
func (r *round) plan(z *Zone, jobs []*job) *plan {
	p := &plan{base: z}
	unwanted := map[entry]bool{}
	for _, j := range jobs {
		if !j.present {
			unwanted[j.entry] = true
		}
	}
	for _, one := range z.Records {
		if one.typ == "TXT" && unwanted[entry{one.name, one.content}] {
			p.removed = append(p.removed, one)
		} else {
			p.kept = append(p.kept, one)
		}
	}
	emptied := len(p.kept) == 0
	if emptied {
		p.kept, p.removed = z.Records, nil
	}
	barred := r.memory.isBarred()
	for _, j := range jobs {
		exists := z.has(j.entry)
		switch {
		case !j.present && exists && emptied:
			r.answers[j] = &dnshost.LeftBehindError{Reason: ErrLastRecord}
			continue
		case j.present && !exists && barred != nil:
			r.answers[j] = barred
			continue
		case j.present && !exists:
			p.add(j.entry, j.ttl, j)
		}
		p.jobs = append(p.jobs, j)
	}
	if barred != nil && len(p.removed) > 0 {
		r.log.Info("WARNING: removing a record although an earlier update changed more than records", "reason", barred.Error())
	}
	if !p.changesNothing() && barred == nil {
		r.restore(p)
	}
	return p
}

func (p *plan) changesNothing() bool { return len(p.added) == 0 && len(p.removed) == 0 }

// restore adds values that this process presented and another client removed.
func (r *round) restore(p *plan) {
	wanted := map[entry]bool{}
	for _, j := range p.jobs {
		wanted[j.entry] = true
	}
	lost := r.memory.lost(p.base, &r.notes)
	entries := make([]entry, 0, len(lost))
	for e := range lost {
		if !wanted[e] {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	for _, e := range entries {
		r.log.Info("Restoring the lost value of another challenge", "fqdn", e.name+".", "valueSHA256", dnshost.Fingerprint(e.value))
		p.add(e, lost[e].ttl, nil)
	}
}

// add adds a value. All TXT records of a name have the same TTL (RFC 2181, section 5.2).
func (p *plan) add(e entry, ttl json.RawMessage, j *job) {
	for _, one := range p.kept {
		if one.typ == "TXT" && one.name == e.name && isPlainNumber(one.ttl) {
			ttl = one.ttl
			break
		}
	}
	for _, a := range p.added {
		if a.entry.name == e.name {
			ttl = a.record.ttl
			break
		}
	}
	p.added = append(p.added, addition{newTXT(e, ttl), e, j})
}

// list returns the records after the update.
func (p *plan) list() []*Record {
	all := slices.Clone(p.kept)
	for _, a := range p.added {
		all = append(all, a.record)
	}
	return all
}

// compose returns the body of the update: the bytes of the records that were read, and the records of challenges. It
// never re-encodes a foreign record. It includes the SOA fields as read, because omitting them might reset them.
func (p *plan) compose() []byte {
	var b bytes.Buffer
	b.WriteString(`{"records":[`)
	for i, r := range p.list() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r.raw)
	}
	b.WriteByte(']')
	for _, f := range p.base.soa {
		fmt.Fprintf(&b, `,"%s":%s`, f.name, f.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// prove decodes a body, and returns ErrUnsafe if it differs from the read zone by more than the planned values.
func (p *plan) prove(body []byte) error {
	var fields map[string]json.RawMessage
	var raws []json.RawMessage
	if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["records"], &raws) != nil {
		return ErrUnsafe
	}
	if len(fields) != 1+len(p.base.soa) {
		return ErrUnsafe
	}
	for _, f := range p.base.soa {
		if !bytes.Equal(fields[f.name], f.raw) {
			return ErrUnsafe
		}
	}
	sent := make([]*Record, len(raws))
	for i, raw := range raws {
		one, err := parseRecord(raw)
		if err != nil {
			return ErrUnsafe
		}
		sent[i] = one
	}
	for _, one := range p.base.Records {
		switch {
		case len(sent) > 0 && bytes.Equal(sent[0].raw, one.raw):
			sent = sent[1:]
		case !slices.ContainsFunc(p.jobs, func(j *job) bool { return !j.present && j.entry.matches(one) }):
			return ErrUnsafe
		}
	}
	if len(sent) == len(raws) || !slices.EqualFunc(sent, p.added, func(one *Record, a addition) bool { return a.entry.matches(one) }) {
		return ErrUnsafe
	}
	return nil
}

// blamed are the rejected values of challenges.
type blamed struct {
	jobs     map[*job]error
	restores []entry
}

// blame finds the rejected records by index. blocker is the error for a foreign one.
func (p *plan) blame(refused *refusedRecords) (ours blamed, blocker error) {
	ours = blamed{jobs: map[*job]error{}}
	list := p.list()
	at := func(i int) *Record {
		if i >= 0 && i < len(list) {
			return list[i]
		}
		return nil
	}
	accuse := func(i int, fault string) bool {
		if i -= len(p.kept); i < 0 || i >= len(p.added) {
			return false
		}
		if a := p.added[i]; a.job != nil {
			ours.jobs[a.job] = &valueError{a.entry.name, fault}
		} else {
			ours.restores = append(ours.restores, a.entry)
		}
		return true
	}
	for _, i := range sortedKeys(refused.faults) {
		if accuse(i, refused.faults[i]) || blocker != nil || at(i) == nil {
			continue
		}
		blocker = &blockedError{at(i).String(), refused.faults[i]}
	}
	for _, i := range sortedKeys(refused.conflicts) {
		for _, other := range refused.conflicts[i] {
			if at(i) == nil || at(other) == nil {
				continue
			}
			if !accuse(i, "it conflicts with "+at(other).String()) && !accuse(other, "it conflicts with "+at(i).String()) && blocker == nil {
				blocker = &blockedError{at(i).String(), "it conflicts with " + at(other).String()}
			}
		}
	}
	return ours, blocker
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
