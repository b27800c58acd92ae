package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
)

// zonesFile is the file of the zones:
//
//	{
//	  "zones":  [{"name": "example.nl", "account": "default", "records": [
//	              {"name": "example.nl", "type": "A", "content": "192.0.2.1", "ttl": 3600}]}],
//	  "static": [{"name": "other.example", "records": [
//	              {"name": "_acme-challenge.other.example", "type": "CNAME", "content": "x.example.nl", "ttl": 60}]}],
//	  "challenges": ["_acme-challenge.example.nl"]
//	}
//
// A zone without account belongs to the default account. Static zones belong to no account: only DNS serves them. The
// client owns TXT values under the names in challenges. An update that changes any other record does harm.
type zonesFile struct {
	Zones      []zone   `json:"zones"`
	Static     []zone   `json:"static"`
	Challenges []string `json:"challenges"`
}

type zone struct {
	Name            string            `json:"name"`
	Account         string            `json:"account"`
	Service         string            `json:"service"`
	Template        string            `json:"template"`
	TemplateRecords []json.RawMessage `json:"templateRecords"`
	Master          string            `json:"master"`
	DeletionDate    string            `json:"deletionDate"`
	DNSSEC          bool              `json:"dnssec"`
	Undelegated     bool              `json:"undelegated"`
	Records         []json.RawMessage `json:"records"`
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

func (f *zonesFile) apply(server *realtimeregistertest.Server, keys map[string]string) error {
	for account, key := range keys {
		server.AddAccount(account, key)
	}
	for _, z := range f.Zones {
		account := z.Account
		if account == "" {
			account = defaultAccount
		}
		if keys[account] == "" {
			return fmt.Errorf("the zone %s belongs to account %q, which has no key", z.Name, account)
		}
		records, err := objects(z.Name, z.Records)
		if err != nil {
			return err
		}
		ofTemplate, err := objects(z.Name, z.TemplateRecords)
		if err != nil {
			return err
		}
		server.AddZone(account, realtimeregistertest.Zone{
			Name: z.Name, Service: z.Service, Records: records,
			Template: z.Template, TemplateRecords: ofTemplate,
			Master: z.Master, DeletionDate: z.DeletionDate, DNSSEC: z.DNSSEC, Undelegated: z.Undelegated,
		})
	}
	for _, z := range f.Static {
		records, err := objects(z.Name, z.Records)
		if err != nil {
			return err
		}
		server.AddStaticZone(z.Name, records...)
	}
	for _, name := range f.Challenges {
		server.DeclareChallenge(name)
	}
	return nil
}

// objects returns the records as the server stores them: any JSON object is valid.
func objects(zone string, raws []json.RawMessage) ([]string, error) {
	var out []string
	for i, raw := range raws {
		if len(raw) == 0 || raw[0] != '{' {
			return nil, fmt.Errorf("record %d of the zone %s is not an object", i, zone)
		}
		out = append(out, string(raw))
	}
	return out, nil
}
