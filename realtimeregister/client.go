package realtimeregister

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/go-logr/logr"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// DefaultBaseURL is the base URL of Realtime Register's API, version 2.
const DefaultBaseURL = "https://api.yoursrs.com/v2"

const hostName = "Realtime Register"

// Options configure a Provider and its calls.
type Options struct {
	// BaseURL is the address of the API, without a final slash.
	BaseURL string
	// UserAgent contains the program and its version.
	UserAgent string
	// Transport sends the requests; nil means apiclient.NewTransport().
	Transport http.RoundTripper
	// MaxInFlight limits concurrent attempts per API key; 0 means 8.
	MaxInFlight int
	// LargeAnswers is the limit of the process; nil means a limit for each API key.
	LargeAnswers apiclient.LargeAnswers
	// Observer may be nil.
	Observer Observer
	// Leases prevent concurrent writes to a zone by other processes. A Provider requires them.
	Leases Leases
	// Log receives messages about a zone, not about one challenge.
	Log logr.Logger
}

// Observer receives events for metrics. Its methods are called concurrently and must not block.
type Observer interface {
	apiclient.Observer
	// ForeignLost reports how many records that belong to no challenge were missing after an update.
	ForeignLost(records int)
}

// Calls of the API.
const (
	OpListZones  apiclient.Operation = "list_zones"
	OpReadZone   apiclient.Operation = "read_zone"
	OpUpdateZone apiclient.Operation = "update_zone"
)

// Operations returns the calls that challenges need.
func Operations() []apiclient.Operation {
	return []apiclient.Operation{OpListZones, OpReadZone, OpUpdateZone}
}

const (
	// pageLimit and maxPages limit the list of zones of one name. At most two exist.
	pageLimit = 10
	maxPages  = 5
)

// Client makes the calls of the API with one API key. It is safe for concurrent use.
type Client struct {
	api   *apiclient.Client
	calls *atomic.Int64 // attempts
}

// NewClient returns a client for one API key, or for a login in the form customer_handle/login:password.
func NewClient(o Options, apiKey string) *Client {
	api := apiclient.New(apiclient.Options{
		Host: hostName, BaseURL: o.BaseURL, UserAgent: o.UserAgent, Transport: o.Transport, MaxInFlight: o.MaxInFlight,
		LargeAnswers: o.LargeAnswers, Observer: o.Observer,
		Authenticate: authenticate, Read: readAnswer,
	}, apiKey)
	return &Client{api: api, calls: &atomic.Int64{}}
}

// authenticate recognises a login by its colon, which API keys do not contain.
func authenticate(header http.Header, apiKey string) {
	if strings.Contains(apiKey, ":") {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(apiKey)))
		return
	}
	header.Set("Authorization", "ApiKey "+apiKey)
}

// counting returns the same client with a counter of its own.
func (c *Client) counting() *Client { return &Client{api: c.api, calls: &atomic.Int64{}} }

func (c *Client) do(ctx context.Context, call apiclient.Call) (attempts int, err error) {
	attempts, err = c.api.Do(ctx, call)
	c.calls.Add(int64(attempts))
	return attempts, err
}

// Zones returns the zones with exactly this name: none, one, or a BASIC and a PREMIUM zone.
//
//	GET /dns/zones?name=…
func (c *Client) Zones(ctx context.Context, name string) ([]*Zone, error) {
	var all []*Zone
	for page := range maxPages {
		var list listing
		query := url.Values{"name": {name}, "limit": {strconv.Itoa(pageLimit)}, "offset": {strconv.Itoa(page * pageLimit)}}
		_, err := c.do(ctx, apiclient.Call{Op: OpListZones, Method: http.MethodGet, Path: "/dns/zones?" + query.Encode(), Decode: func(data []byte) error {
			var err error
			list, err = parseListing(data)
			return err
		}})
		if err != nil {
			return nil, err
		}
		for _, z := range list.zones {
			if z.Name == name {
				all = append(all, z)
			}
		}
		if (page+1)*pageLimit >= list.total || len(list.zones) == 0 {
			return all, nil
		}
	}
	return nil, ErrTooManyZones
}

type listing struct {
	zones []*Zone
	total int
}

func parseListing(data []byte) (listing, error) {
	var raw struct {
		Entities   *[]json.RawMessage `json:"entities"`
		Pagination struct {
			Total int `json:"total"`
		} `json:"pagination"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return listing{}, err
	}
	if raw.Entities == nil {
		return listing{}, errors.New("entities is missing")
	}
	list := listing{total: raw.Pagination.Total}
	for _, entity := range *raw.Entities {
		z, err := parseZone(entity)
		if err != nil {
			return listing{}, err
		}
		list.zones = append(list.zones, z)
	}
	return list, nil
}

// Zone returns the zone with this id. It can be stale or incomplete.
//
//	GET /dns/zones/{id}
func (c *Client) Zone(ctx context.Context, id int64) (*Zone, error) {
	var z *Zone
	_, err := c.do(ctx, apiclient.Call{Op: OpReadZone, Method: http.MethodGet, Path: fmt.Sprintf("/dns/zones/%d", id), Decode: func(data []byte) error {
		var err error
		z, err = parseZone(data)
		return err
	}})
	return z, err
}

// Update replaces the fields of a zone that body contains. It makes at most one attempt; sent reports whether it did.
//
//	POST /dns/zones/{id}/update
func (c *Client) Update(ctx context.Context, id int64, body []byte) (sent bool, err error) {
	attempts, err := c.do(ctx, apiclient.Call{
		Op: OpUpdateZone, Method: http.MethodPost, Path: fmt.Sprintf("/dns/zones/%d/update", id), Body: body, Once: true, OnlyOK: true,
	})
	return attempts > 0, err
}
