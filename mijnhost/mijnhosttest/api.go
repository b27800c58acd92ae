package mijnhosttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Operation is a call of the API.
type Operation string

// The operations. A request that matches none has Operation "". In a Fault, "" means every operation.
const (
	OpListDomains  Operation = "GET /domains"
	OpShowDomain   Operation = "GET /domains/{domain}"
	OpReadRecords  Operation = "GET /domains/{domain}/dns"
	OpPutRecords   Operation = "PUT /domains/{domain}/dns"
	OpPatchRecord  Operation = "PATCH /domains/{domain}/dns"
	OpDeleteRecord Operation = "DELETE /domains/{domain}/dns"
	OpWhoAmI       Operation = "GET /whoami"
)

// Messages of failures. Those for a key and for access are documented (D), those for DNS elsewhere, the allow-list and
// a wrong method observed (O), the others made up.
const (
	messageNoKey        = "No valid API key set"
	messageNoAccess     = "You have no access to this resource"
	messageNotFound     = "Not found"
	messageWrongMethod  = "Wrong request method"
	messageNotAllowed   = "Method not allowed"
	messageMalformed    = "Malformed request"
	messageDNSElsewhere = "DNS records not managed by mijn.host"
	messageAddress      = "Remote IP address is not found in the API key whitelist"
	messageEmptyList    = "The records list may not be empty"
)

// wireRecords is the data of GET /domains/{domain}/dns. (D)
type wireRecords struct {
	Domain  string   `json:"domain"`
	Records []Record `json:"records"`
}

// wireDomain is an item of GET /domains. (D)
type wireDomain struct {
	ID          int      `json:"id"`
	Domain      string   `json:"domain"`
	RenewalDate string   `json:"renewal_date"`
	Status      string   `json:"status"`
	StatusID    int      `json:"status_id"`
	Tags        []string `json:"tags"`
}

// wireDomains is the data of GET /domains (D), which has no pages (O).
type wireDomains struct {
	Domains []wireDomain `json:"domains"`
}

// wireDomainDetail is the data of GET /domains/{domain}. (O)
type wireDomainDetail struct {
	wireDomain
	ManagedDNS    *bool    `json:"managed_dns,omitempty"`
	Nameservers   []string `json:"nameservers"`
	DNSSECEnabled bool     `json:"dnssec_enabled"`
}

// wireWhoAmI is the data of GET /whoami. (O, one source; the name of the second field is ?)
type wireWhoAmI struct {
	IP             string `json:"ip"`
	CustomerNumber string `json:"customer_number"`
}

// wireRecord is the record of a PATCH or DELETE. Pointers distinguish missing from empty.
type wireRecord struct {
	Type  *string `json:"type"`
	Name  *string `json:"name"`
	Value *string `json:"value"`
	TTL   *int    `json:"ttl"`
}

func (w wireRecord) record() Record {
	r := Record{Type: *w.Type, Name: *w.Name, Value: *w.Value}
	if w.TTL != nil {
		r.TTL = *w.TTL
	}
	return r
}

// route returns the operation and domain of a request. It splits the path before it unescapes it, so that no character
// in a name can change the route.
func route(r *http.Request) (op Operation, domain string) {
	parts, found := pathParts(r)
	switch {
	case !found:
		return "", ""
	case len(parts) == 1 && parts[0] == "whoami":
		if r.Method == http.MethodGet {
			return OpWhoAmI, ""
		}
	case parts[0] != "domains" || len(parts) > 3:
		return "", ""
	case len(parts) == 1:
		if r.Method == http.MethodGet {
			return OpListDomains, ""
		}
	case len(parts) == 2:
		if r.Method == http.MethodGet {
			return OpShowDomain, parts[1]
		}
	case parts[2] == "dns":
		switch r.Method {
		case http.MethodGet:
			return OpReadRecords, parts[1]
		case http.MethodPut:
			return OpPutRecords, parts[1]
		case http.MethodPatch:
			return OpPatchRecord, parts[1]
		case http.MethodDelete:
			return OpDeleteRecord, parts[1]
		}
	}
	return "", ""
}

// pathParts splits a path. One client uses "GET /domains/" with a final slash (O), which means the same.
func pathParts(r *http.Request) ([]string, bool) {
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), BasePath+"/")
	if !found {
		return nil, false
	}
	if rest == "domains/" {
		rest = "domains"
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil || plain == "" {
			return nil, false
		}
		parts[i] = plain
	}
	return parts, true
}

// isResource reports whether the API has the path, with any method.
func isResource(r *http.Request) bool {
	parts, found := pathParts(r)
	if !found || parts[0] != "domains" {
		return found && len(parts) == 1 && parts[0] == "whoami"
	}
	return len(parts) <= 2 || len(parts) == 3 && parts[2] == "dns"
}

// perform executes a call under the lock.
func (s *Server) perform(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()

	a := s.accounts[c.request.Key]
	if a == nil || a.revoked || c.request.Key == "" {
		return failure(http.StatusUnauthorized, messageNoKey)
	}
	if c.request.Op == "" {
		if isResource(c.r) {
			return s.wrongMethod()
		}
		return failure(http.StatusNotFound, messageNotFound)
	}
	switch c.request.Op {
	case OpListDomains:
		return s.listDomains(a)
	case OpWhoAmI:
		return s.whoAmI(c.r)
	}

	// An unknown domain, or a name below a domain, gives 400, not 404. (O)
	i := slices.IndexFunc(a.domains, func(d string) bool { return s.opts.Domains.names(c.request.Domain, d) })
	if i < 0 {
		return failure(http.StatusBadRequest, messageNoAccess)
	}
	z := s.zones[a.domains[i]]
	if c.request.Op == OpShowDomain {
		return s.showDomain(z)
	}
	if z.elsewhere {
		return failure(http.StatusBadRequest, messageDNSElsewhere)
	}
	switch c.request.Op {
	case OpReadRecords:
		return s.readRecords(z)
	case OpPutRecords:
		return s.putRecords(z, c.request.Body)
	case OpPatchRecord:
		return s.patchRecord(z, c.request.Body)
	default:
		return s.deleteRecord(z, c.request.Body)
	}
}

// wrongMethod answers a method that the path does not have.
func (s *Server) wrongMethod() answer {
	if s.opts.WrongMethod405 {
		return failure(http.StatusMethodNotAllowed, messageNotAllowed)
	}
	return failure(http.StatusBadRequest, messageWrongMethod)
}

// whoAmI returns the caller's address, to debug the allow-list. (O, one source) An in-memory client has none, and gets
// a documentation address.
func (s *Server) whoAmI(r *http.Request) answer {
	if s.opts.NoWhoAmI {
		return failure(http.StatusNotFound, messageNotFound)
	}
	who := wireWhoAmI{IP: "192.0.2.200", CustomerNumber: "100001"}
	if caller, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		who.IP = caller.Addr().Unmap().String()
	}
	return success(who)
}

func (s *Server) describe(z *zone) wireDomain {
	return wireDomain{
		ID:          z.id,
		Domain:      s.opts.Domains.shown(z.domain),
		RenewalDate: "2030-01-01",
		Status:      "Active",
		StatusID:    1,
		Tags:        []string{},
	}
}

func (s *Server) listDomains(a *account) answer {
	domains := make([]wireDomain, 0, len(a.domains))
	for _, d := range a.domains {
		if s.opts.MaxDomains > 0 && len(domains) == s.opts.MaxDomains {
			break
		}
		domains = append(domains, s.describe(s.zones[d]))
	}
	return success(wireDomains{Domains: domains})
}

func (s *Server) showDomain(z *zone) answer {
	detail := wireDomainDetail{wireDomain: s.describe(z)}
	if managed := !z.elsewhere; !s.opts.OmitManagedDNS {
		detail.ManagedDNS = &managed
	}
	if z.elsewhere {
		detail.Nameservers = []string{"ns1.elsewhere.example", "ns2.elsewhere.example"}
	} else {
		for _, ns := range nameservers() {
			detail.Nameservers = append(detail.Nameservers, strings.TrimSuffix(ns, "."))
		}
	}
	return success(detail)
}

func (s *Server) readRecords(z *zone) answer {
	now := time.Now()
	view := z.now()
	z.reads++
	if !s.opts.ReplicaJitter || z.reads%2 == 0 {
		view = z.at(now.Add(-s.opts.StaleReads))
	}
	records := []Record{}
	for r := range view.records.all() {
		if !r.ofTheZoneItself(z.domain) {
			records = append(records, r.shown(z.domain, s.opts))
		}
	}
	if !z.wroteAt.IsZero() {
		sinceWrite := now.Sub(z.wroteAt)
		switch {
		case sinceWrite < s.opts.EmptyAfterWrite:
			records = records[:0]
		case sinceWrite < s.opts.ShortAfterWrite:
			records = records[:len(records)/2]
		}
	}
	return success(wireRecords{Domain: s.opts.Domains.shown(z.domain), Records: records})
}

// putRecords replaces the whole zone (D), which this program must never do. The zone's own NS and SOA, which no listing
// shows, stay. An empty list is refused. (O)
func (s *Server) putRecords(z *zone, body []byte) answer {
	var sent struct {
		Records []wireRecord `json:"records"`
	}
	if decode(body, &sent) != nil {
		return failure(http.StatusBadRequest, messageMalformed)
	}
	if len(sent.Records) == 0 {
		return failure(http.StatusBadRequest, messageEmptyList)
	}
	var records []Record
	var changes []Change
	for r := range z.now().records.all() {
		if r.ofTheZoneItself(z.domain) {
			records = append(records, r.Record)
		} else {
			changes = append(changes, Change{Record: r.Record})
		}
	}
	for _, w := range sent.Records {
		if w.Type == nil || w.Name == nil || w.Value == nil || w.TTL == nil {
			return failure(http.StatusBadRequest, messageMalformed)
		}
		if problem := problemOf(w.record(), z.domain, s.opts.MinTTL); problem != "" {
			return failure(http.StatusBadRequest, problem)
		}
		records = append(records, w.record())
		changes = append(changes, Change{Record: w.record(), Added: true})
	}
	s.write(z, newList(records, z.domain), changes, true)
	return success(nil)
}

// patchRecord is "update single DNS record" (D), as Options.Patch and Options.PatchSame say.
func (s *Server) patchRecord(z *zone, body []byte) answer {
	sent, ok := decodeRecord(body)
	if !ok || sent.TTL == nil {
		return failure(http.StatusBadRequest, messageMalformed)
	}
	if problem := problemOf(sent.record(), z.domain, s.opts.MinTTL); problem != "" {
		return failure(http.StatusBadRequest, problem)
	}
	wanted := newStored(sent.record(), z.domain)
	records := z.now().records
	isThere := records.contains(wanted.sameRecord)
	var changes []Change
	switch {
	case isThere && s.opts.PatchSame == PatchSameFails:
		return failure(http.StatusBadRequest, "The record already exists")

	case s.opts.patchIn(z.domain) == PatchReplaces && records.contains(wanted.sameSet):
		records, changes = dropped(records, wanted.sameSet, false)
		records = records.with(wanted)
		changes = append(changes, Change{Record: wanted.Record, Added: true})

	case isThere && s.opts.PatchSame == PatchSameKeeps:
		records = records.rewritten(wanted.sameRecord, func(r stored) (stored, bool) {
			if r.TTL != wanted.TTL {
				changes = append(changes, Change{Record: r.Record})
				r.TTL = wanted.TTL
				changes = append(changes, Change{Record: r.Record, Added: true})
			}
			return r, true
		})

	default:
		records = records.with(wanted)
		changes = append(changes, Change{Record: wanted.Record, Added: true})
	}
	s.write(z, records, changes, true)
	return success(nil)
}

// deleteRecord removes one value; other values of the same name and type stay. (D) Options.DeleteShownForm decides
// which values match, Options.DeleteAbsent what happens if none does.
func (s *Server) deleteRecord(z *zone, body []byte) answer {
	sent, ok := decodeRecord(body)
	if !ok {
		return failure(http.StatusBadRequest, messageMalformed)
	}
	wanted := newStored(sent.record(), z.domain)
	match := func(r stored) bool {
		if r.ofTheZoneItself(z.domain) {
			return false
		}
		if s.opts.DeleteShownForm {
			shown := r.shown(z.domain, s.opts)
			return r.typ == wanted.typ && shown.Name == wanted.Name && shown.Value == wanted.Value
		}
		return r.sameRecord(wanted)
	}
	records, changes := dropped(z.now().records, match, s.opts.DeleteOneCopy)
	if len(changes) == 0 {
		switch s.opts.DeleteAbsent {
		case DeleteAbsentSucceeds:
			return success(nil)
		case DeleteAbsentNotFound:
			return failure(http.StatusNotFound, "The record does not exist")
		default:
			return failure(http.StatusBadRequest, "The record does not exist")
		}
	}
	s.write(z, records, changes, true)
	return success(nil)
}

// decodeRecord reads {"record":{…}}. ok is false if it is malformed, or lacks a field that both PATCH and DELETE require.
func decodeRecord(body []byte) (wireRecord, bool) {
	var sent struct {
		Record wireRecord `json:"record"`
	}
	if decode(body, &sent) != nil {
		return wireRecord{}, false
	}
	r := sent.Record
	return r, r.Type != nil && r.Name != nil && r.Value != nil
}

// decode is strict, because it is unknown what the API tolerates: an undocumented field, or data after the body, is malformed.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the body")
	}
	return nil
}
