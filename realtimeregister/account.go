package realtimeregister

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

const (
	// rememberZone is how long a found zone is remembered.
	rememberZone = 10 * time.Minute
	// maxCandidates limits the calls for a name with many labels.
	maxCandidates = 8
)

// account is what this process knows about the account of an API key.
type account struct {
	client *Client
	lists  singleflight.Group

	mu    sync.Mutex
	found map[question]finding
}

// question is a name or its zone, and the service if the Issuer sets one.
type question struct{ name, service string }

// ref identifies a zone.
type ref struct {
	id   int64
	name string
}

type finding struct {
	zones []ref
	at    time.Time
}

func newAccount(client *Client) *account {
	return &account{client: client, found: map[question]finding{}}
}

// find returns the zones of the account that cover fqdn: those with the name that cert-manager resolved, else the longest
// matching name. If BASIC and PREMIUM have the same name and service is empty, it returns both and ErrAmbiguous.
func (a *account) find(ctx context.Context, client *Client, zone, fqdn, service string, learn func([]*Zone)) ([]ref, error) {
	zone, fqdn = dnsname.TrimDot(zone), dnsname.TrimDot(fqdn)
	questions := []question{{fqdn, service}, {zone, service}}
	for _, q := range questions {
		if zones := a.remembered(q); zones != nil {
			return zones, nil
		}
	}
	for _, candidate := range candidates(zone, fqdn) {
		listed, err := apiclient.Share(ctx, &a.lists, hostName, candidate, func(ctx context.Context) ([]*Zone, error) { return client.Zones(ctx, candidate) })
		if err != nil {
			return nil, err
		}
		var zones []ref
		var usable []*Zone
		for _, z := range listed {
			if !z.pending && (service == "" || z.Service == service) {
				zones, usable = append(zones, ref{z.ID, z.Name}), append(usable, z)
			}
		}
		if len(zones) == 0 {
			continue
		}
		learn(usable)
		if len(usable) > 1 {
			return zones, ambiguous(usable)
		}
		q := questions[0]
		if candidate == zone {
			q = questions[1]
		}
		a.remember(q, zones)
		return zones, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNoZone, fqdn+".")
}

// candidates returns the possible names of fqdn's zone: at least two labels, without underscores.
func candidates(zone, fqdn string) []string {
	var names []string
	for name := fqdn; name != ""; name = dnsname.Parent(name) {
		if name != zone && isZoneName(name) {
			names = append(names, name)
		}
	}
	names = names[max(0, len(names)-maxCandidates):]
	if isZoneName(zone) {
		names = append([]string{zone}, names...)
	}
	return names
}

func isZoneName(name string) bool {
	return strings.Contains(name, ".") && !strings.Contains(name, "_") && dnsname.IsValid(name)
}

func (a *account) remembered(q question) []ref {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, ok := a.found[q]; ok && time.Since(f.at) < rememberZone {
		return f.zones
	}
	return nil
}

func (a *account) remember(q question, zones []ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(a.found, func(_ question, f finding) bool { return now.Sub(f.at) >= rememberZone })
	a.found[q] = finding{zones, now}
}

// forget drops a zone that no longer exists.
func (a *account) forget(zone ref) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.found, func(_ question, f finding) bool { return f.zones[0] == zone })
}
