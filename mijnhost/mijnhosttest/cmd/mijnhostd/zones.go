package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

// zonesFile is the file of the zones:
//
//	{
//	  "zones":  [{"domain": "example.nl", "account": "default", "records": [
//	              {"type": "A", "name": "example.nl.", "value": "192.0.2.1", "ttl": 3600}]}],
//	  "static": [{"domain": "other.example", "records": [
//	              {"type": "CNAME", "name": "_acme-challenge", "value": "x.example.nl.", "ttl": 60}]}]
//	}
//
// A zone without account belongs to the default account. Static zones belong to no account: only DNS serves them.
type zonesFile struct {
	Zones  []zone `json:"zones"`
	Static []zone `json:"static"`
}

type zone struct {
	Domain    string                `json:"domain"`
	Account   string                `json:"account"`
	Elsewhere bool                  `json:"elsewhere"` // its nameservers are elsewhere
	Records   []mijnhosttest.Record `json:"records"`
}

func readZones(file string) (*zonesFile, error) {
	zones := &zonesFile{}
	if file == "" {
		return zones, nil
	}
	content, err := os.ReadFile(file) //nolint:gosec // the caller chooses the file
	if err != nil {
		return nil, fmt.Errorf("reading the zones: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(zones); err != nil {
		return nil, fmt.Errorf("reading the zones of %s: %w", file, err)
	}
	return zones, nil
}

func (f *zonesFile) apply(server *mijnhosttest.Server, keys map[string]string) error {
	for _, key := range keys {
		server.AddAccount(key)
	}
	for _, z := range f.Zones {
		account := z.Account
		if account == "" {
			account = defaultAccount
		}
		key, found := keys[account]
		if !found {
			return fmt.Errorf("the zone %s belongs to account %q, which has no key", z.Domain, account)
		}
		server.AddAccount(key, z.Domain)
		server.SetRecords(z.Domain, z.Records)
		if z.Elsewhere {
			server.SetDNSElsewhere(z.Domain)
		}
	}
	for _, z := range f.Static {
		server.AddStaticZone(z.Domain, z.Records...)
	}
	return nil
}
