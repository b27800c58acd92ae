package mijnhostcheck

import (
	"context"
	"strings"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// Provider is the name of its solver.
func (*Host) Provider() string { return "mijn-host" }

// Risk is none: a record is written and removed on its own.
func (*Host) Risk() string { return "" }

// Records are those that Managed has read.
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

// RemoveValue removes a value as the clean-up of a challenge does.
func (a *account) RemoveValue(ctx context.Context, _ *check.Check, domain, name, value string) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeValueTime) // a write is not cut off
	defer cancel()
	_, err := mijnhost.NewProvider(a.api).CleanUp(call, a.key, dnshost.TXT{Zone: domain + ".", FQDN: name + ".", Value: value})
	return err
}

// removeValueTime is what a clean-up has.
const removeValueTime = 25 * time.Second
