package mijnhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// DefaultBaseURL is where mijn.host serves version 2 of its API.
const DefaultBaseURL = "https://mijn.host/api/v2"

// Options describe how the API is reached.
type Options struct {
	// BaseURL is the address of the API.
	BaseURL string
	// UserAgent names the program and its version.
	UserAgent string
	// Transport carries the requests; nil means apiclient.NewTransport().
	Transport http.RoundTripper
	// MaxInFlight limits the attempts of one API key that are under way at once; 0 means 8.
	MaxInFlight int
	// Observer sees what happens; nil means none does.
	Observer Observer
}

// Observer sees the calls of the API, and what happens to values that share a name. Its methods are called from many
// goroutines at once and must not block.
type Observer interface {
	apiclient.Observer
	// SiblingRestored: the value of another challenge, which PATCH has replaced or may have, was put back.
	SiblingRestored()
	// ForeignAtRisk: a value that this process did not present stood under a challenge's name, and PATCH may replace it.
	ForeignAtRisk()
}

// The calls that this program makes. PUT is not among them: it replaces a whole zone, and a program that cannot send
// it cannot wipe one.
const (
	OpListDomains  apiclient.Operation = "list_domains"
	OpShowDomain   apiclient.Operation = "show_domain" // webhook check alone
	OpReadRecords  apiclient.Operation = "read_records"
	OpPatchRecord  apiclient.Operation = "patch_record"
	OpDeleteRecord apiclient.Operation = "delete_record"
)

// Operations are the calls that answering challenges takes.
func Operations() []apiclient.Operation {
	return []apiclient.Operation{OpListDomains, OpReadRecords, OpPatchRecord, OpDeleteRecord}
}

// Record is one DNS record as the API shows and takes it: one value of an RRset.
type Record struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	// TTL in seconds. DeleteRecord sends none.
	TTL int `json:"ttl,omitempty"`
}

// Client makes the calls of the API with one API key. It is safe for concurrent use. All methods return an
// *apiclient.Error if the API refused or could not be reached.
type Client struct {
	api   *apiclient.Client
	calls *atomic.Int64 // attempts of this view of the client
}

// NewClient returns a client for one API key.
func NewClient(o Options, apiKey string) *Client {
	api := apiclient.New(apiclient.Options{
		Host: "mijn.host", BaseURL: o.BaseURL, UserAgent: o.UserAgent, Transport: o.Transport, MaxInFlight: o.MaxInFlight, Observer: o.Observer,
		Authenticate: func(header http.Header, apiKey string) { header.Set("API-Key", apiKey) },
		Read:         readAnswer,
	}, apiKey)
	return &Client{api: api, calls: &atomic.Int64{}}
}

// counting is the same client with a count of calls of its own.
func (c *Client) counting() *Client { return &Client{api: c.api, calls: &atomic.Int64{}} }

func (c *Client) do(ctx context.Context, call apiclient.Call) error {
	attempts, err := c.api.Do(ctx, call)
	c.calls.Add(int64(attempts))
	return err
}

// ListDomains returns the names of all domains of the account.
//
//	GET /domains
func (c *Client) ListDomains(ctx context.Context) ([]string, error) {
	var list struct {
		Domains *[]struct {
			Domain string `json:"domain"`
		} `json:"domains"`
	}
	err := c.do(ctx, apiclient.Call{Op: OpListDomains, Method: http.MethodGet, Path: "/domains", Decode: func(data []byte) error {
		return errors.Join(json.Unmarshal(data, &list), required("domains", list.Domains))
	}})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(*list.Domains))
	for _, d := range *list.Domains {
		names = append(names, d.Domain)
	}
	return names, nil
}

// Domain is one domain of the account.
type Domain struct {
	// ManagedDNS: the records are at mijn.host; nil if the API does not say.
	ManagedDNS *bool `json:"managed_dns"`
	// Nameservers are those that the domain is meant to be delegated to. Their names can be white-labelled.
	Nameservers []string `json:"nameservers"`
}

// Domain returns what the API says of a domain of the account, also of one whose nameservers are elsewhere.
//
//	GET /domains/{domain}
func (c *Client) Domain(ctx context.Context, domain string) (Domain, error) {
	if !dnsname.IsDomain(domain) {
		return Domain{}, fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	var d Domain
	err := c.do(ctx, apiclient.Call{Op: OpShowDomain, Method: http.MethodGet, Path: "/domains/" + domain, Decode: func(data []byte) error {
		d = Domain{}
		return json.Unmarshal(data, &d)
	}})
	return d, err
}

// Records returns the records of a domain as the API shows them at this moment. The list may be older than the last
// write (trap 3 of the API's description), and it leaves out the zone's own NS and SOA.
//
//	GET /domains/{domain}/dns
func (c *Client) Records(ctx context.Context, domain string) ([]Record, error) {
	var zone struct {
		Records *[]Record `json:"records"`
	}
	err := c.callDNS(ctx, OpReadRecords, http.MethodGet, domain, nil, func(data []byte) error {
		zone.Records = nil
		return errors.Join(json.Unmarshal(data, &zone), required("records", zone.Records))
	})
	if err != nil {
		return nil, err
	}
	return *zone.Records, nil
}

// PatchRecord writes one record and leaves all other names and types alone. Whether it adds to or replaces the values
// of the same name and type is unknown.
//
//	PATCH /domains/{domain}/dns
func (c *Client) PatchRecord(ctx context.Context, domain string, r Record) error {
	return c.callDNS(ctx, OpPatchRecord, http.MethodPatch, domain, &r, nil)
}

// DeleteRecord removes one value; other values of the same name and type stay.
//
//	DELETE /domains/{domain}/dns
func (c *Client) DeleteRecord(ctx context.Context, domain string, r Record) error {
	r.TTL = 0
	return c.callDNS(ctx, OpDeleteRecord, http.MethodDelete, domain, &r, nil)
}

// refusedSince returns the API's refusal if a cool-down has been on since begun, else nil.
func (c *Client) refusedSince(begun time.Time) error { return c.api.RefusedSince(begun) }

var errNotADomain = errors.New("not a domain name")

func (c *Client) callDNS(ctx context.Context, op apiclient.Operation, method, domain string, r *Record, decode func([]byte) error) error {
	if !dnsname.IsDomain(domain) {
		return fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	var body []byte
	if r != nil {
		var err error
		if body, err = json.Marshal(map[string]*Record{"record": r}); err != nil {
			return err
		}
	}
	return c.do(ctx, apiclient.Call{Op: op, Method: method, Path: "/domains/" + domain + "/dns", Body: body, Decode: decode})
}

func required[T any](field string, value *T) error {
	if value == nil {
		return fmt.Errorf("%s is missing", field)
	}
	return nil
}
