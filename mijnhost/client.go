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

// DefaultBaseURL is where mijn.host serves version 2 of its API.
const DefaultBaseURL = "https://mijn.host/api/v2"

const hostName = "mijn.host"

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
	// LargeAnswers is shared by all hosts of a process; nil means that each client has a limit of its own.
	LargeAnswers apiclient.LargeAnswers
	// Observer sees what happens; nil means none does.
	Observer Observer
	// PatchAdds are the domains in which PATCH adds a value beside others of the same name. In any other it may replace them.
	PatchAdds []string
	// Leases keep processes apart under a name that a CNAME led to; nil means that there is one process.
	Leases Leases
	// Needed returns the values that challenges of the cluster need; nil means that nobody can tell.
	Needed func(context.Context) (dnshost.Needed, error)
}

// Leases lets one process of the cluster at a time write under a name.
type Leases interface {
	// Acquire waits for the Lease of key.
	Acquire(ctx context.Context, key string) (keylock.Lease, error)
}

// Observer sees the calls of the API, and what happens to left-overs. Its methods are called from many
// goroutines at once and must not block.
type Observer interface {
	apiclient.Observer
	// LeftOverAtRisk: a left-over stood under a challenge's name, and PATCH may replace it.
	LeftOverAtRisk()
}

// The calls that this program makes. PUT is not among them: it replaces a whole zone, and a program that cannot send
// it cannot wipe one.
const (
	OpListDomains  apiclient.Operation = "list_domains"
	OpShowDomain   apiclient.Operation = "show_domain"
	OpReadRecords  apiclient.Operation = "read_records"
	OpPatchRecord  apiclient.Operation = "patch_record"
	OpDeleteRecord apiclient.Operation = "delete_record"
	OpWhoAmI       apiclient.Operation = "whoami"
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
		Host: hostName, BaseURL: o.BaseURL, UserAgent: o.UserAgent, Transport: o.Transport, MaxInFlight: o.MaxInFlight,
		LargeAnswers: o.LargeAnswers, Observer: o.Observer,
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
	path, err := domainPath(domain)
	if err != nil {
		return Domain{}, err
	}
	var d Domain
	err = c.do(ctx, apiclient.Call{Op: OpShowDomain, Method: http.MethodGet, Path: path, Decode: func(data []byte) error {
		d = Domain{}
		return json.Unmarshal(data, &d)
	}})
	return d, err
}

// WhoAmI returns the caller's public address as the API sees it, and "" if the API does not say.
//
//	GET /whoami
func (c *Client) WhoAmI(ctx context.Context) (address string, err error) {
	var who struct {
		IP string `json:"ip"`
	}
	err = c.do(ctx, apiclient.Call{Op: OpWhoAmI, Method: http.MethodGet, Path: "/whoami", Decode: func(data []byte) error {
		return json.Unmarshal(data, &who)
	}})
	if ip, parseErr := netip.ParseAddr(who.IP); parseErr == nil {
		address = ip.String()
	}
	return address, err
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

var errNotADomain = errors.New("not a domain name")

func (c *Client) callDNS(ctx context.Context, op apiclient.Operation, method, domain string, r *Record, decode func([]byte) error) error {
	path, err := domainPath(domain)
	if err != nil {
		return err
	}
	var body []byte
	if r != nil {
		if body, err = json.Marshal(map[string]*Record{"record": r}); err != nil {
			return err
		}
	}
	return c.do(ctx, apiclient.Call{Op: op, Method: method, Path: path + "/dns", Body: body, Decode: decode})
}

// domainPath is the path of a domain, in the form in which the account lists it.
func domainPath(domain string) (string, error) {
	if strings.HasSuffix(domain, ".") || !dnsname.IsDomain(dnsname.ToASCII(domain)) {
		return "", fmt.Errorf("%w: %q", errNotADomain, domain)
	}
	return "/domains/" + url.PathEscape(domain), nil
}

func required[T any](field string, value *T) error {
	if value == nil {
		return fmt.Errorf("%s is missing", field)
	}
	return nil
}
