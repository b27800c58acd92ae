package mijnhostcheck

import (
	"context"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// Provider implements check.Host.
func (*Host) Provider() string { return "mijn-host" }

// Risk implements check.Host. There is none: mijn.host writes and deletes single records.
func (*Host) Risk() string { return "" }

// Records implements check.Account.
func (a *account) Records(domain string) []check.ZoneRecord {
	records := make([]check.ZoneRecord, 0, len(a.records))
	for _, r := range a.records {
		one := check.ZoneRecord{Name: absolute(r.Name, domain), Type: strings.ToUpper(r.Type)}
		if one.Type == "TXT" {
			one.Text = mijnhost.Unquoted(r.Value)
		}
		records = append(records, one)
	}
	return records
}

// RemoveValue implements check.Account with the code that cleans up challenges.
func (a *account) RemoveValue(ctx context.Context, _ *check.Check, domain, name, value string) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeValueTime) // writes are not interrupted
	defer cancel()
	_, err := mijnhost.NewProvider(a.api).CleanUp(call, a.key, dnshost.TXT{Zone: domain + ".", FQDN: name + ".", Value: value})
	return err
}

// removeValueTime is the time limit of a clean-up.
const removeValueTime = 25 * time.Second
