package realtimeregister

import (
	"errors"
	"fmt"
	"strings"
)

// Failures of this host, for errors.Is; apiclient has those of any host. The texts are constant, because cert-manager
// restarts its back-off when a message changes. docs/guides/troubleshooting.md explains each.
var (
	// ErrNoZone: no zone of the account covers the name.
	ErrNoZone = errors.New("the Realtime Register account of this API key has no zone that covers this name")
	// ErrAmbiguous: a BASIC and a PREMIUM zone have the same name, and the Issuer does not choose one.
	ErrAmbiguous = errors.New("set service to BASIC or PREMIUM in the Issuer's webhook config")
	// ErrTooManyZones: the list of zones of one name is too long.
	ErrTooManyZones = errors.New("unexpected answer from Realtime Register: too many zones of one name")
	// ErrSuperseded: a later call requested the opposite.
	ErrSuperseded = errors.New("superseded by a later request for the same value")
	// ErrZoneInUse: earlier calls of this process for the zone took too long.
	ErrZoneInUse = errors.New("other challenges of this zone are in progress; retrying")
	// ErrLeaseInUse: another process held the Lease for the whole call.
	ErrLeaseInUse = errors.New("another webhook process has the Lease of this zone; retrying")
	// ErrLeaseLost: the Lease was lost, or its remaining time was too short for the update.
	ErrLeaseLost = errors.New("lost the Lease of this zone before the update; retrying")
	// ErrUncertain: an update was sent, and no read shows it.
	ErrUncertain = errors.New("the last update of the zone is unconfirmed; writing again once it shows or a minute has passed")
	// ErrStale: a read is older than known writes, or lacks records that were seen.
	ErrStale = errors.New("the zone as read from Realtime Register is outdated or incomplete; retrying")
	// ErrNoTime: the call ran out of time before the update.
	ErrNoTime = errors.New("no time left to update the zone: Realtime Register is too slow; retrying")
	// ErrOtherZone: the response is about another zone than the requested one.
	ErrOtherZone = errors.New("unexpected answer from Realtime Register: not the requested zone")
	// ErrUnsafe: the composed update failed verification.
	ErrUnsafe = errors.New("the update would change other records, so it was not sent; please report this bug")
	// ErrLastRecord: the update would have an empty list.
	ErrLastRecord = errors.New("this is the only record of its zone, and the webhook never sends an empty list")
)

// errGone: a remembered zone no longer exists.
var errGone = errors.New("the zone no longer exists")

// unfitError is the reason not to write to a zone.
type unfitError struct{ why string }

func (e *unfitError) Error() string { return e.why }

// unfit returns an error if the zone must not be written.
func (z *Zone) unfit() error {
	var why string
	switch {
	case z.template != "":
		why = fmt.Sprintf("zone %s is linked to template %s: unlink it, or delegate the challenge to another zone by CNAME", z.Name, z.template)
	case z.master != "":
		why = fmt.Sprintf("zone %s is a secondary zone of %s: delegate the challenge to another zone by CNAME", z.Name, z.master)
	case z.pending:
		why = fmt.Sprintf("zone %s is pending deletion", z.Name)
	case len(z.Records) == 0:
		why = fmt.Sprintf("zone %s has no records; add one TXT record, so that an empty answer can be recognised", z.Name)
	default:
		return nil
	}
	return &unfitError{why}
}

// ambiguous returns an ErrAmbiguous with the services of zones of one name.
func ambiguous(zones []*Zone) error {
	services := make([]string, len(zones))
	for i, z := range zones {
		services[i] = z.Service
	}
	return fmt.Errorf("zone %s exists as %s: %w", zones[0].Name, strings.Join(services, " and as "), ErrAmbiguous)
}

// changedSettingsError: an update changed settings of the zone, too.
type changedSettingsError struct{ zone, fields string }

func (e *changedSettingsError) Error() string {
	return fmt.Sprintf("an update of zone %s also changed %s; adding no records to it until the webhook restarts", e.zone, e.fields)
}

// blockedError: Realtime Register rejects a foreign record, and with it every update of the zone.
type blockedError struct{ record, fault string }

func (e *blockedError) Error() string {
	return fmt.Sprintf("record %s blocks every update of its zone: Realtime Register rejects it: %s", e.record, e.fault)
}

// valueError: Realtime Register rejects a value of a challenge.
type valueError struct{ name, fault string }

func (e *valueError) Error() string {
	return fmt.Sprintf("Realtime Register rejects the TXT record %s: %s", e.name, e.fault)
}
