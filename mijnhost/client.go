package mijnhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock"
)

// DefaultBaseURL is the base URL of mijn.host's API, version 2.
const DefaultBaseURL = "https://mijn.host/api/v2"

const hostName = "mijn.host"

// Options configure a Provider or a Client.
type Options struct {
	BaseURL   string
	UserAgent string
	// Transport sends the requests; nil means apiclient.NewTransport().
	Transport http.RoundTripper
	// MaxInFlight limits concurrent attempts per API key; 0 means 8.
	MaxInFlight int
	// LargeAnswers is the limit of the process; nil means a limit for each API key.
	LargeAnswers apiclient.LargeAnswers
	// Observer may be nil.
	Observer Observer
	// PatchAdds lists the domains in which PATCH adds a value to an RRset. In any other it might replace the RRset.
	PatchAdds []string
	// Leases serialize the processes that write under the target of a CNAME; nil means that there is one process.
	Leases Leases
	// Needed returns the values that challenges of the cluster need; nil means that they are unknown.
	Needed func(context.Context) (dnshost.Needed, error)
}

// Leases are locks across processes, by key.
type Leases interface {
	Acquire(ctx context.Context, key string) (keylock.Lease, error)
}

// Observer receives events for metrics. Its methods are called concurrently and must not block.
type Observer interface {
	apiclient.Observer
	// LeftOverAtRisk is called when PATCH might replace a leftover value.
	LeftOverAtRisk()
}

// The calls that this program makes. PUT is missing on purpose: it replaces the whole zone.
const (
	OpListDomains  apiclient.Operation = "list_domains"
	OpShowDomain   apiclient.Operation = "show_domain"
	OpReadRecords  apiclient.Operation = "read_records"
	OpPatchRecord  apiclient.Operation = "patch_record"
	OpDeleteRecord apiclient.Operation = "delete_record"
	OpWhoAmI       apiclient.Operation = "whoami"
)

// Operations returns the calls that challenges need.
func Operations() []apiclient.Operation {
	return []apiclient.Operation{OpListDomains, OpReadRecords, OpPatchRecord, OpDeleteRecord}
}

// Record is one value of an RRset.
type Record struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	// TTL in seconds.
	TTL int `json:"ttl,omitempty"`
}

// Client makes the calls of the API with one API key. It is safe for concurrent use. Its methods return an *apiclient.Error if a
// call fails.
type Client struct {
	api   *apiclient.Client
	calls *atomic.Int64 // attempts
}

// NewClient returns a client for one API key.
func NewClient(o Options, apiKey string) *Client {
	api := apiclient.New(apiclient.Options{
		Host: hostName, BaseURL: o.BaseURL, UserAgent: o.UserAgent, Transport: o.Transport, MaxInFlight: o.MaxInFlight,
		LargeAnswers: o.LargeAnswers, Observer: o.Observer,
		Authenticate: func(header http.Header, apiKey string) { header.Set("API-Key", apiKey) },
		Read:         readAnswer,
	}, apiKey)
	return &Client{api: api, calls: &atomic.Int64{}}
}

// counting returns the same client with a counter of its own.
func (c *Client) counting() *Client { return &Client{api: c.api, calls: &atomic.Int64{}} }

func (c *Client) do(ctx context.Context, call apiclient.Call) error {
	attempts, err := c.api.Do(ctx, call)
	c.calls.Add(int64(attempts))
	return err
}

// get calls op and decodes the data of the response, which must be complete.
func get[T any](ctx context.Context, c *Client, op apiclient.Operation, path string, isComplete func(T) bool) (data T, err error) {
	err = c.do(ctx, apiclient.Call{Op: op, Method: http.MethodGet, Path: path, Decode: func(raw []byte) error {
		data = *new(T) // without what an earlier attempt decoded
		if decodeErr := json.Unmarshal(raw, &data); decodeErr != nil {
			return decodeErr
		}
		if !isComplete(data) {
			return errIncomplete
		}
		return nil
	}})
	return data, err
}

// ListDomains returns the names of all domains of the account.
//
//	GET /domains
func (c *Client) ListDomains(ctx context.Context) ([]string, error) {
	type domains struct {
		Domains []struct {
			Domain string `json:"domain"`
		} `json:"domains"`
	}
	list, err := get(ctx, c, OpListDomains, "/domains", func(d domains) bool { return d.Domains != nil })
	var names []string
	for _, d := range list.Domains {
		names = append(names, d.Domain)
	}
	return names, err
}

// Domain is one domain of the account.
type Domain struct {
	// ManagedDNS: mijn.host manages the records; nil if unknown.
	ManagedDNS *bool `json:"managed_dns"`
	// Nameservers are those that the domain should be delegated to, perhaps under white-label names.
	Nameservers []string `json:"nameservers"`
}

// Domain returns a domain of the account, also one whose nameservers are elsewhere.
//
//	GET /domains/{domain}
func (c *Client) Domain(ctx context.Context, domain string) (Domain, error) {
	path, err := domainPath(domain)
	if err != nil {
		return Domain{}, err
	}
	return get(ctx, c, OpShowDomain, path, func(Domain) bool { return true })
}

// WhoAmI returns the caller's public IP address, or "" if unknown.
//
//	GET /whoami
func (c *Client) WhoAmI(ctx context.Context) (address string, err error) {
	type caller struct {
		IP string `json:"ip"`
	}
	who, err := get(ctx, c, OpWhoAmI, "/whoami", func(caller) bool { return true })
	if ip, parseErr := netip.ParseAddr(who.IP); parseErr == nil {
		address = ip.String()
	}
	return address, err
}

// Records returns the records of a domain, without the zone's own NS and SOA. The list can be older than the last write.
//
//	GET /domains/{domain}/dns
func (c *Client) Records(ctx context.Context, domain string) ([]Record, error) {
	path, err := domainPath(domain)
	if err != nil {
		return nil, err
	}
	type records struct {
		Records []Record `json:"records"`
	}
	zone, err := get(ctx, c, OpReadRecords, path+"/dns", func(r records) bool { return r.Records != nil })
	return zone.Records, err
}

// PatchRecord writes one record. It might replace the other values of the RRset; all other RRsets stay.
//
//	PATCH /domains/{domain}/dns
func (c *Client) PatchRecord(ctx context.Context, domain string, r Record) error {
	return c.write(ctx, OpPatchRecord, http.MethodPatch, domain, r)
}

// DeleteRecord removes one value; other values of the RRset stay.
//
//	DELETE /domains/{domain}/dns
func (c *Client) DeleteRecord(ctx context.Context, domain string, r Record) error {
	r.TTL = 0
	return c.write(ctx, OpDeleteRecord, http.MethodDelete, domain, r)
}

func (c *Client) write(ctx context.Context, op apiclient.Operation, method, domain string, r Record) error {
	path, err := domainPath(domain)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]Record{"record": r})
	if err != nil {
		return err
	}
	return c.do(ctx, apiclient.Call{Op: op, Method: method, Path: path + "/dns", Body: body})
}

var (
	errNotADomain = errors.New("not a domain name")
	errIncomplete = errors.New("the response lacks a required field")
)

// domainPath returns the path of a domain, which must be in the form in which the account lists it.
func domainPath(domain string) (string, error) {
	if strings.HasSuffix(domain, ".") || !dnsname.IsDomain(dnsname.ToASCII(domain)) {
		return "", fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	return "/domains/" + url.PathEscape(domain), nil
}
