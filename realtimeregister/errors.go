package realtimeregister

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of failure of this host, for errors.Is; those of any host are in apiclient. Their texts are constant.
var (
	// ErrNoZone: no zone of the account covers the name.
	ErrNoZone = errors.New("the Realtime Register account of this API key has no zone that covers this name")
	// ErrAmbiguous: zones of one name, and the Issuer does not say which.
	ErrAmbiguous = errors.New("set service to BASIC or to PREMIUM in the Issuer's webhook config")
	// ErrTooManyZones: the API lists zones without end.
	ErrTooManyZones = errors.New("Realtime Register lists more zones than were asked for")
	// ErrSuperseded: a later call wants the opposite for the same value.
	ErrSuperseded = errors.New("a later request for the same value has superseded this one")
	// ErrZoneInUse: the calls before this one take too long.
	ErrZoneInUse = errors.New("other challenges of the zone are being answered: this one follows")
	// ErrLeaseInUse: another process has the Lease.
	ErrLeaseInUse = errors.New("another process of the webhook writes to the zone, or died while it did: this one follows")
	// ErrLeaseLost: there was no time left to write.
	ErrLeaseLost = errors.New("the Lease of the zone was lost before the update was sent")
	// ErrUncertain: an update was sent and is not seen.
	ErrUncertain = errors.New("an update of the zone may still take effect: nothing is written until it is seen or a minute has passed")
	// ErrStale: the API shows a zone as it was before.
	ErrStale = errors.New("Realtime Register shows an older state of the zone than before: retrying")
	// ErrLacking: records are gone, or a read is incomplete.
	ErrLacking = errors.New("records that the zone had a moment ago are not shown: retrying until that is certain")
	// ErrNoTime: reading the zone took too long to write to it.
	ErrNoTime = errors.New("Realtime Register is too slow to update the zone in time")
	// ErrOtherZone: an answer is not about the zone that was asked for.
	ErrOtherZone = errors.New("Realtime Register answered with another zone than asked for")
	// ErrUnsafe: a list of records did not pass its own proof.
	ErrUnsafe = errors.New("the update would change other records: it was not sent, please report this")
	// ErrLastRecord: without it the list would be empty.
	ErrLastRecord = errors.New("the record is the last of its zone and must stay, for an empty list is never sent")
)

// errGone: a zone that was remembered does not exist any more.
var errGone = errors.New("the zone does not exist any more")

// unfitError is a zone that must not be written to.
type unfitError struct{ why string }

func (e *unfitError) Error() string { return e.why }

// unfit says why a zone must not be written to, or returns nil.
func (z *Zone) unfit() error {
	why := ""
	switch {
	case z.template != "":
		why = fmt.Sprintf("zone %s is linked to the template %s: unlink it, or delegate the challenge to another zone by CNAME", z.Name, z.template)
	case z.master != "":
		why = fmt.Sprintf("zone %s is a secondary zone of %s: add the record there, or delegate the challenge to another zone by CNAME", z.Name, z.master)
	case z.pending:
		why = fmt.Sprintf("zone %s waits to be deleted", z.Name)
	case len(z.Records) == 0:
		why = fmt.Sprintf("zone %s has no records; add one TXT record, so that an empty answer can be recognised", z.Name)
	default:
		return nil
	}
	return &unfitError{why}
}

// ambiguous names zones of one name.
func ambiguous(zones []*Zone) error {
	services := make([]string, len(zones))
	for i, z := range zones {
		services[i] = z.Service
	}
	return fmt.Errorf("zone %s exists as %s: %w", zones[0].Name, strings.Join(services, " and as "), ErrAmbiguous)
}

// changedSettingsError is a zone that an update changed in other ways than its records.
type changedSettingsError struct{ zone, fields string }

func (e *changedSettingsError) Error() string {
	return fmt.Sprintf("an update of zone %s changed %s: the webhook adds no record to it until it is restarted", e.zone, e.fields)
}

// blockedError is a record of somebody that blocks every update of its zone.
type blockedError struct{ record, fault string }

func (e *blockedError) Error() string {
	return fmt.Sprintf("the record %s blocks every update of its zone, for Realtime Register does not take it any more: %s", e.record, e.fault)
}

// valueError is a value that Realtime Register does not take.
type valueError struct{ name, fault string }

func (e *valueError) Error() string {
	return fmt.Sprintf("Realtime Register refuses the TXT record %s: %s", e.name, e.fault)
}
