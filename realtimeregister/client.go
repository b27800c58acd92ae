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

// DefaultBaseURL is where Realtime Register serves version 2 of its API.
const DefaultBaseURL = "https://api.yoursrs.com/v2"

const hostName = "Realtime Register"

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
	// Leases keep other processes from a zone.
	Leases Leases
	// Log is told of what concerns a zone and no challenge alone.
	Log logr.Logger
}

// Observer sees the calls of the API and what becomes of zones. Its methods are called from many goroutines at once and
// must not block.
type Observer interface {
	apiclient.Observer
	// ForeignLost: records that are not of challenges were gone after an update.
	ForeignLost(records int)
}

// The calls that this program makes.
const (
	OpListZones  apiclient.Operation = "list_zones"
	OpReadZone   apiclient.Operation = "read_zone"
	OpUpdateZone apiclient.Operation = "update_zone"
)

// Operations are the calls that answering challenges takes.
func Operations() []apiclient.Operation {
	return []apiclient.Operation{OpListZones, OpReadZone, OpUpdateZone}
}

const (
	// pageLimit and maxPages bound a list of zones of one name, of which there are two at most.
	pageLimit = 10
	maxPages  = 5
)

// Client makes the calls of the API with one API key. It is safe for concurrent use.
type Client struct {
	api   *apiclient.Client
	calls *atomic.Int64 // attempts of this view of the client
}

// NewClient returns a client for one API key, or for a login in the form of customer_handle/login:password.
func NewClient(o Options, apiKey string) *Client {
	api := apiclient.New(apiclient.Options{
		Host: hostName, BaseURL: o.BaseURL, UserAgent: o.UserAgent, Transport: o.Transport, MaxInFlight: o.MaxInFlight,
		LargeAnswers: o.LargeAnswers, Observer: o.Observer,
		Authenticate: authenticate, Read: readAnswer,
	}, apiKey)
	return &Client{api: api, calls: &atomic.Int64{}}
}

// authenticate tells a login by its colon, which an API key does not have.
func authenticate(header http.Header, apiKey string) {
	if strings.Contains(apiKey, ":") {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(apiKey)))
		return
	}
	header.Set("Authorization", "ApiKey "+apiKey)
}

// counting is the same client with a count of calls of its own.
func (c *Client) counting() *Client { return &Client{api: c.api, calls: &atomic.Int64{}} }

func (c *Client) do(ctx context.Context, call apiclient.Call) (attempts int, err error) {
	attempts, err = c.api.Do(ctx, call)
	c.calls.Add(int64(attempts))
	return attempts, err
}

// Zones returns the zones of exactly this name.
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

// Zone returns one zone as the API shows it at this moment.
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

// Update replaces what body has of a zone. It is sent once, whatever becomes of it; sent is false if it certainly was not.
//
//	POST /dns/zones/{id}/update
func (c *Client) Update(ctx context.Context, id int64, body []byte) (sent bool, err error) {
	attempts, err := c.do(ctx, apiclient.Call{
		Op: OpUpdateZone, Method: http.MethodPost, Path: fmt.Sprintf("/dns/zones/%d/update", id), Body: body, Once: true,
	})
	return attempts > 0, err
}
