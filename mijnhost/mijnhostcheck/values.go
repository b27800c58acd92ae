package mijnhostcheck

import (
	"context"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// Provider is the name of its solver.
func (*Host) Provider() string { return "mijn-host" }

// Risk is none: a record is written and removed on its own.
func (*Host) Risk() string { return "" }

// Values are the TXT values under a name, as Managed has read them.
func (a *account) Values(_ context.Context, domain, name string) ([]string, error) {
	var values []string
	for _, r := range a.records {
		if strings.EqualFold(r.Type, "TXT") && absolute(r.Name, domain) == name {
			values = append(values, mijnhost.Unquoted(r.Value))
		}
	}
	return values, nil
}
