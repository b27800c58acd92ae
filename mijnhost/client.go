package mijnhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// DefaultBaseURL is where mijn.host serves version 2 of its API.
const DefaultBaseURL = "https://mijn.host/api/v2"

// Options say how the API is reached. The zero value of each field but BaseURL has a meaning.
type Options struct {
	// BaseURL is the address of the API, without a trailing slash.
	BaseURL string
	// UserAgent names the program and its version to the API.
	UserAgent string
	// Transport carries the requests; nil means NewTransport().
	Transport http.RoundTripper
	// MaxInFlight is how many attempts of one API key may be under way at once; 0 means 8.
	MaxInFlight int
	// Observer is told what happens; nil means nobody is.
	Observer Observer
}

func (o Options) withDefaults() Options {
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 8
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	return o
}

// Record is one DNS record as the API shows and takes it: one value of an RRset.
type Record struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
	// TTL in seconds. DeleteRecord sends none.
	TTL int `json:"ttl,omitempty"`
}

// Client makes the calls of the API with one API key. It is safe for use by many
// goroutines, which share its limit of calls in flight and its cool-down after a 429.
//
// All methods return an *Error where the API refused or could not be reached.
type Client struct {
	send  exchange
	quiet *coolDown
}

// NewClient returns a client for one API key.
func NewClient(o Options, apiKey string) *Client {
	quiet := newCoolDown()
	return &Client{send: newExchange(o.withDefaults(), apiKey, quiet), quiet: quiet}
}

// ListDomains returns the names of all domains of the account.
//
//	GET /domains
func (c *Client) ListDomains(ctx context.Context) ([]string, error) {
	data, err := c.send(ctx, call{OpListDomains, http.MethodGet, "/domains", nil})
	if err != nil {
		return nil, err
	}
	var list struct {
		Domains *[]struct {
			Domain string `json:"domain"`
		} `json:"domains"`
	}
	if json.Unmarshal(data, &list) != nil || list.Domains == nil {
		return nil, &Error{Op: OpListDomains, Status: http.StatusOK, Malformed: true}
	}
	names := make([]string, 0, len(*list.Domains))
	for _, d := range *list.Domains {
		names = append(names, d.Domain)
	}
	return names, nil
}

// Domain is what the API tells of one domain of the account.
type Domain struct {
	// ManagedDNS tells whether the records are at mijn.host; nil where the API does not say.
	ManagedDNS *bool `json:"managed_dns"`
	// Nameservers are those that the domain is meant to be delegated to. Their names can be white-labelled.
	Nameservers []string `json:"nameservers"`
}

// Domain returns what the API tells of a domain of the account, also of one whose
// nameservers are elsewhere.
//
//	GET /domains/{domain}
func (c *Client) Domain(ctx context.Context, domain string) (Domain, error) {
	if !IsDomain(domain) {
		return Domain{}, fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	data, err := c.send(ctx, call{OpShowDomain, http.MethodGet, "/domains/" + domain, nil})
	if err != nil {
		return Domain{}, err
	}
	var d Domain
	if json.Unmarshal(data, &d) != nil {
		return Domain{}, &Error{Op: OpShowDomain, Status: http.StatusOK, Malformed: true}
	}
	return d, nil
}

// Records returns the records of a domain as the API shows them at this moment.
// The list may be older than the last write (trap 3 of the API's description), and it
// leaves out the zone's own NS and SOA.
//
//	GET /domains/{domain}/dns
func (c *Client) Records(ctx context.Context, domain string) ([]Record, error) {
	data, err := c.sendDNS(ctx, OpReadRecords, http.MethodGet, domain, nil)
	if err != nil {
		return nil, err
	}
	var zone struct {
		Records []Record `json:"records"`
	}
	if json.Unmarshal(data, &zone) != nil {
		return nil, &Error{Op: OpReadRecords, Status: http.StatusOK, Malformed: true}
	}
	return zone.Records, nil
}

// PatchRecord writes one record and leaves all other names and types alone. Whether
// it adds to or replaces the values of the same name and type is not known.
//
//	PATCH /domains/{domain}/dns
func (c *Client) PatchRecord(ctx context.Context, domain string, r Record) error {
	_, err := c.sendDNS(ctx, OpPatchRecord, http.MethodPatch, domain, &r)
	return err
}

// DeleteRecord takes away one value; other values of the same name and type stay.
//
//	DELETE /domains/{domain}/dns
func (c *Client) DeleteRecord(ctx context.Context, domain string, r Record) error {
	r.TTL = 0
	_, err := c.sendDNS(ctx, OpDeleteRecord, http.MethodDelete, domain, &r)
	return err
}

var errNotADomain = errors.New("not a domain name")

func (c *Client) sendDNS(ctx context.Context, op Operation, method, domain string, r *Record) (json.RawMessage, error) {
	if !IsDomain(domain) {
		return nil, fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	var body []byte
	if r != nil {
		var err error
		if body, err = json.Marshal(map[string]*Record{"record": r}); err != nil {
			return nil, err
		}
	}
	return c.send(ctx, call{op, method, "/domains/" + domain + "/dns", body})
}
