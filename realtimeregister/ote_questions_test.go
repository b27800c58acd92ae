package realtimeregister_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// asker queries an API about what its documentation leaves open. It shares no code with the client.
type asker struct {
	http      *http.Client
	base, key string
	zone      string // no final dot
	id        int64
	original  seenZone
	// Optional: another key, zones of other kinds, and the address of a nameserver.
	otherKey, linked, secondary, deleted, nameserver string
}

// seenZone is a zone as a read shows it.
type seenZone struct {
	fields  map[string]json.RawMessage
	records []seenRecord
}

type seenRecord struct {
	raw                 json.RawMessage
	Name, Type, Content string
	TTL                 float64
}

type response struct {
	status     int
	body       []byte
	header     http.Header
	Type       string
	Pagination struct{ Total int }
	Entities   []json.RawMessage
}

func (r response) String() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", r.status, r.Type))
}

const (
	probeLabel  = "_acme-challenge.webhook-test"
	shownWithin = 90 * time.Second
	notAsked    = "not asked: set "
)

// question is something inferred or unknown, and how to answer it.
type question struct {
	text string
	ask  func(context.Context) (string, error)
}

// questions returns all questions, the harmless ones first. Each restores the zone.
func (a *asker) questions() []question {
	return []question{
		{"zones that the key can reach", a.askReach},
		{"a list and a read show the same records", a.askList},
		{"a zone that does not exist", a.askMissing},
		{"an invalid key", a.askInvalidKey},
		{"a key bound to another address", a.askAddress},
		{"forty reads in a row", a.askLimit},
		{"the response to an update", a.askAnswer},
		{"reads after an update", a.askStale},
		{"signs of change", a.askSigns},
		{"two TXT values under one name", a.askTwoValues},
		{"order of records", a.askOrder},
		{"case of names", a.askCase},
		{"exact duplicates", a.askDuplicates},
		{"a TXT value in quotes", a.askQuotes},
		{"a TTL of 30", a.askTTL},
		{"lag of a nameserver", a.askLag},
		{"an update without records", a.askWithoutRecords},
		{"an update without SOA fields", a.askWithoutSOA},
		{"records posted to a linked zone", func(ctx context.Context) (string, error) {
			return a.askForeignZone(ctx, a.linked, "RTR_OTE_LINKED_ZONE")
		}},
		{"records posted to a secondary zone", func(ctx context.Context) (string, error) {
			return a.askForeignZone(ctx, a.secondary, "RTR_OTE_SECONDARY_ZONE")
		}},
		{"an update of a zone pending deletion", a.askDeleted},
	}
}

func (a *asker) askReach(ctx context.Context) (string, error) {
	r, err := a.get(ctx, "/dns/zones?limit=1", a.key)
	return strconv.Itoa(r.Pagination.Total), err
}

func (a *asker) askList(ctx context.Context) (string, error) {
	r, err := a.get(ctx, "/dns/zones?"+url.Values{"name": {a.zone}}.Encode(), a.key)
	if err != nil || len(r.Entities) == 0 {
		return "", errors.Join(err, fmt.Errorf("got %d zones", len(r.Entities)))
	}
	listed, err := parseSeen(r.Entities[0])
	return yesNo(listed.sameRecords(a.original)), err
}

func (a *asker) askMissing(ctx context.Context) (string, error) {
	r, err := a.get(ctx, "/dns/zones/999999999", a.key)
	return r.String(), err
}

func (a *asker) askInvalidKey(ctx context.Context) (string, error) {
	r, err := a.get(ctx, "/dns/zones?limit=1", a.key+"x")
	return r.String(), err
}

func (a *asker) askAddress(ctx context.Context) (string, error) {
	if a.otherKey == "" {
		return notAsked + "RTR_OTE_OTHER_KEY", nil
	}
	r, err := a.get(ctx, "/dns/zones?limit=1", a.otherKey)
	return r.String(), err
}

func (a *asker) askLimit(ctx context.Context) (string, error) {
	for i := range 40 {
		r, err := a.get(ctx, a.path(), a.key)
		if err != nil {
			return "", err
		}
		if r.status == http.StatusTooManyRequests {
			after := r.header.Get("Retry-After")
			if seconds, err := strconv.Atoi(after); err == nil {
				a.pause(ctx, time.Duration(seconds)*time.Second)
			} else {
				a.pause(ctx, time.Minute)
			}
			return fmt.Sprintf("HTTP 429 after %d, Retry-After %q", i, after), nil
		}
	}
	return "no limit", nil
}

func (a *asker) askAnswer(ctx context.Context) (string, error) {
	r, err := a.post(ctx, a.id, a.with(probe("answer", 300)))
	words := []string{fmt.Sprintf("HTTP %d", r.status)}
	if r.header.Get("X-Process-Id") != "" {
		words = append(words, "X-Process-Id")
	}
	if body := strings.TrimSpace(string(r.body)); body == "" {
		words = append(words, "no body")
	} else {
		words = append(words, "body "+body[:min(len(body), 80)])
	}
	return strings.Join(words, ", "), err
}

// askStale reads every second for a minute after an update.
func (a *asker) askStale(ctx context.Context) (string, error) {
	if _, err := a.post(ctx, a.id, a.with(probe("stale", 300))); err != nil {
		return "", err
	}
	start, shownAt, older, short := time.Now(), time.Duration(-1), 0, 0
	for range 60 {
		z, err := a.read(ctx, a.id)
		if err != nil {
			return "", err
		}
		shown := z.has(probe("stale", 300))
		switch {
		case shown && shownAt < 0:
			shownAt = time.Since(start)
		case !shown && shownAt >= 0:
			older++
		}
		if len(z.records) < len(a.original.records) {
			short++
		}
		a.pause(ctx, time.Second)
	}
	return fmt.Sprintf("shown after %s, then %d older reads, %d incomplete ones", shownAt.Round(time.Second), older, short), nil
}

func (a *asker) askSigns(ctx context.Context) (string, error) {
	before, err := a.read(ctx, a.id)
	if err != nil {
		return "", err
	}
	a.pause(ctx, 2*time.Second) // updatedDate has a precision of one second
	after, _, err := a.try(ctx, probe("signs", 300))
	if err != nil {
		return "", err
	}
	var signs []string
	for _, field := range []string{"updatedDate", "defaultRecords"} {
		if !bytes.Equal(before.fields[field], after.fields[field]) {
			signs = append(signs, field)
		}
	}
	return orNone(signs), nil
}

func (a *asker) askTwoValues(ctx context.Context) (string, error) {
	z, r, err := a.try(ctx, probe("first", 300), probe("second", 300))
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	return fmt.Sprintf("%d records", len(z.probes())), nil
}

func (a *asker) askOrder(ctx context.Context) (string, error) {
	z, _, err := a.try(ctx, probe("z", 300), probe("a", 300), probe("m", 300))
	if err != nil {
		return "", err
	}
	want := []string{"z", "a", "m"}
	for range 5 {
		var got []string
		for _, r := range z.probes() {
			got = append(got, r.Content)
		}
		if len(got) == len(want) && !slices.Equal(got, want) {
			return "changed", nil
		}
		if z, err = a.read(ctx, a.id); err != nil {
			return "", err
		}
	}
	return "kept", nil
}

func (a *asker) askCase(ctx context.Context) (string, error) {
	record := probe("case", 300)
	sent := "_acme-challenge.WebHook-Test." + a.zone
	record.Name = sent
	z, r, err := a.try(ctx, record)
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	switch name := z.probes()[0].Name; name {
	case sent:
		return "kept", nil
	case strings.ToLower(sent):
		return "lower", nil
	case strings.ToUpper(sent):
		return "upper", nil
	default:
		return "another: " + name, nil
	}
}

func (a *asker) askDuplicates(ctx context.Context) (string, error) {
	z, r, err := a.try(ctx, probe("twice", 300), probe("twice", 300))
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	if len(z.probes()) == 1 {
		return "merged", nil
	}
	return "kept", nil
}

func (a *asker) askQuotes(ctx context.Context) (string, error) {
	record := probe(`"quoted"`, 300)
	z, r, err := a.try(ctx, record)
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	for _, one := range z.probes() {
		if one.Content == "quoted" {
			return "removed", nil
		}
	}
	return "kept", nil
}

func (a *asker) askTTL(ctx context.Context) (string, error) {
	z, r, err := a.try(ctx, probe("ttl", 30))
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	return fmt.Sprintf("accepted as %v", z.probes()[0].TTL), nil
}

func (a *asker) askLag(ctx context.Context) (string, error) {
	if a.nameserver == "" {
		return notAsked + "RTR_OTE_NAMESERVER to an address such as 192.0.2.1:53", nil
	}
	if _, err := a.post(ctx, a.id, a.with(probe("lag", 300))); err != nil {
		return "", err
	}
	start := time.Now()
	query := new(dns.Msg).SetQuestion(probeLabel+"."+a.zone+".", dns.TypeTXT)
	for time.Since(start) < 3*time.Minute && ctx.Err() == nil {
		if m, err := dns.ExchangeContext(ctx, query, a.nameserver); err == nil && strings.Contains(fmt.Sprint(m.Answer), `"lag"`) {
			return time.Since(start).Round(time.Second).String(), nil
		}
		a.pause(ctx, time.Second)
	}
	return "more than 3m", nil
}

// askWithoutRecords sends a field of the zone unchanged, without records.
func (a *asker) askWithoutRecords(ctx context.Context) (string, error) {
	if a.original.fields["ttl"] == nil {
		return "not asked: the zone shows no ttl", nil
	}
	if r, err := a.post(ctx, a.id, fmt.Sprintf(`{"ttl":%s}`, a.original.fields["ttl"])); err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	a.pause(ctx, 30*time.Second)
	z, err := a.read(ctx, a.id)
	if z.sameRecords(a.original) {
		return "keeps them", err
	}
	return fmt.Sprintf("leaves %d of %d", len(z.records), len(a.original.records)), err
}

func (a *asker) askWithoutSOA(ctx context.Context) (string, error) {
	body := a.with(probe("soa", 300))
	if r, err := a.post(ctx, a.id, body[:strings.LastIndex(body, "]")+1]+"}"); err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	z, err := a.await(ctx, func(z seenZone) bool { return z.has(probe("soa", 300)) })
	var reset []string
	for _, f := range soaFields() {
		if !bytes.Equal(z.fields[f], a.original.fields[f]) {
			reset = append(reset, f)
		}
	}
	if len(reset) > 0 {
		return "resets " + strings.Join(reset, ", "), err
	}
	return "keeps them", err
}

// askForeignZone adds a record to a zone that gets its records from elsewhere.
func (a *asker) askForeignZone(ctx context.Context, name, variable string) (string, error) {
	if name == "" {
		return notAsked + variable, nil
	}
	other, err := a.open(ctx, name)
	if err != nil {
		return "", err
	}
	defer func() { _ = other.restore(context.WithoutCancel(ctx)) }()
	shows := fmt.Sprintf("shows %d records", len(other.original.records))
	r, err := other.post(ctx, other.id, other.with(probe("foreign", 300)))
	if err != nil || r.status >= http.StatusBadRequest {
		return shows + ", refuses: " + r.String(), err
	}
	other.pause(ctx, 30*time.Second)
	z, err := other.read(ctx, other.id)
	if z.has(probe("foreign", 300)) {
		return shows + ", accepts them", err
	}
	return shows + ", ignores them", err
}

func (a *asker) askDeleted(ctx context.Context) (string, error) {
	if a.deleted == "" {
		return notAsked + "RTR_OTE_DELETED_ZONE (an update may restore it)", nil
	}
	other, err := a.open(ctx, a.deleted)
	if err != nil {
		return "", err
	}
	r, err := other.post(ctx, other.id, other.with())
	if err != nil || r.status >= http.StatusBadRequest {
		return "refused: " + r.String(), err
	}
	other.pause(ctx, 30*time.Second)
	z, err := other.read(ctx, other.id)
	if z.fields["deletionDate"] == nil {
		return "restores it", err
	}
	return "leaves it pending", err
}

// open finds a zone by name and reads it.
func (a *asker) open(ctx context.Context, name string) (*asker, error) {
	r, err := a.get(ctx, "/dns/zones?"+url.Values{"name": {name}}.Encode(), a.key)
	if err != nil || len(r.Entities) != 1 {
		return nil, errors.Join(err, fmt.Errorf("zone %s: got %d zones: %s", name, len(r.Entities), r))
	}
	var zone struct{ ID int64 }
	if err = json.Unmarshal(r.Entities[0], &zone); err != nil {
		return nil, err
	}
	other := *a
	other.zone, other.id = name, zone.ID
	other.original, err = other.read(ctx, zone.ID)
	return &other, err
}

// try adds records, waits until a read shows the result, and returns that read.
func (a *asker) try(ctx context.Context, extra ...seenRecord) (seenZone, response, error) {
	r, err := a.post(ctx, a.id, a.with(extra...))
	if err != nil || r.status >= http.StatusBadRequest {
		return seenZone{}, r, err
	}
	z, err := a.await(ctx, func(z seenZone) bool { return len(z.probes()) > 0 })
	return z, r, err
}

// await reads until fits returns true, and returns the last read.
func (a *asker) await(ctx context.Context, fits func(seenZone) bool) (seenZone, error) {
	for start := time.Now(); ; {
		z, err := a.read(ctx, a.id)
		switch {
		case err == nil && fits(z), ctx.Err() != nil:
			return z, err
		case time.Since(start) > shownWithin:
			return z, errors.Join(err, errors.New("no read shows the update"))
		}
		a.pause(ctx, time.Second)
	}
}

// restore resets the zone, and waits until reads agree: one replica can lag behind.
func (a *asker) restore(ctx context.Context) error {
	const inARow = 4
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	same, since := 0, time.Time{}
	for {
		z, err := a.read(ctx, a.id)
		switch {
		case err != nil:
			return err
		case z.sameAs(a.original):
			same++
			if same == inARow {
				return nil
			}
		case time.Since(since) > shownWithin:
			same, since = 0, time.Now()
			if r, err := a.post(ctx, a.id, a.with()); err != nil || r.status >= http.StatusBadRequest {
				return errors.Join(err, fmt.Errorf("cannot restore the zone: %s", r))
			}
		default:
			same = 0
		}
		a.pause(ctx, time.Second)
	}
}

// with returns an update of the original zone with more records.
func (a *asker) with(extra ...seenRecord) string {
	var list []string
	for _, r := range a.original.records {
		list = append(list, string(r.raw))
	}
	for _, r := range extra {
		if !strings.HasSuffix(r.Name, a.zone) {
			r.Name += "." + a.zone
		}
		list = append(list, fmt.Sprintf(`{"name":%q,"type":"TXT","content":%q,"ttl":%v}`, r.Name, r.Content, r.TTL))
	}
	body := `{"records":[` + strings.Join(list, ",") + `]`
	for _, f := range soaFields() {
		if raw := a.original.fields[f]; raw != nil {
			body += fmt.Sprintf(`,%q:%s`, f, raw)
		}
	}
	return body + "}"
}

func soaFields() []string { return []string{"hostMaster", "refresh", "retry", "expire", "ttl"} }

func probe(content string, ttl float64) seenRecord {
	return seenRecord{Name: probeLabel, Type: "TXT", Content: content, TTL: ttl}
}

func (a *asker) path() string { return fmt.Sprintf("/dns/zones/%d", a.id) }

func (a *asker) read(ctx context.Context, id int64) (seenZone, error) {
	r, err := a.get(ctx, fmt.Sprintf("/dns/zones/%d", id), a.key)
	if err != nil {
		return seenZone{}, err
	}
	if r.status != http.StatusOK {
		return seenZone{}, fmt.Errorf("reading the zone: %s", r)
	}
	return parseSeen(r.body)
}

func parseSeen(body []byte) (seenZone, error) {
	var z seenZone
	if err := json.Unmarshal(body, &z.fields); err != nil {
		return z, err
	}
	var raws []json.RawMessage
	if raw := z.fields["records"]; raw != nil {
		if err := json.Unmarshal(raw, &raws); err != nil {
			return z, err
		}
	}
	for _, raw := range raws {
		r := seenRecord{raw: raw}
		if err := json.Unmarshal(raw, &r); err != nil {
			return z, err
		}
		z.records = append(z.records, r)
	}
	return z, nil
}

func (z seenZone) has(r seenRecord) bool {
	return slices.ContainsFunc(z.probes(), func(o seenRecord) bool { return o.Content == r.Content })
}

// probes returns the records that a question added.
func (z seenZone) probes() []seenRecord {
	return slices.DeleteFunc(slices.Clone(z.records), func(r seenRecord) bool {
		return !strings.HasPrefix(strings.ToLower(r.Name), probeLabel)
	})
}

func (z seenZone) sameRecords(other seenZone) bool {
	texts := func(z seenZone) []string {
		var all []string
		for _, r := range z.records {
			all = append(all, strings.ToLower(r.Name)+" "+r.Type+" "+r.Content)
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(texts(z), texts(other))
}

func (z seenZone) sameAs(other seenZone) bool {
	return z.sameRecords(other) && !slices.ContainsFunc(soaFields(), func(f string) bool { return !bytes.Equal(z.fields[f], other.fields[f]) })
}

func (a *asker) get(ctx context.Context, path, key string) (response, error) {
	return a.do(ctx, http.MethodGet, path, key, "")
}

func (a *asker) post(ctx context.Context, id int64, body string) (response, error) {
	if strings.Contains(body, `"records":[]`) {
		return response{}, errors.New("an empty list is never sent")
	}
	return a.do(ctx, http.MethodPost, fmt.Sprintf("/dns/zones/%d/update", id), a.key, body)
}

func (a *asker) do(ctx context.Context, method, path, key, body string) (response, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	r.Header.Set("Authorization", "ApiKey "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.http.Do(r)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer := response{status: resp.StatusCode, header: resp.Header}
	answer.body, err = io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	_ = json.Unmarshal(answer.body, &answer) // the status is an answer, too
	return answer, err
}

func (*asker) pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " and ")
}
