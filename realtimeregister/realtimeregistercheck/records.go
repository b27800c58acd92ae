package realtimeregistercheck

import (
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

// maxDoubts is the maximum number of records that a step lists.
const maxDoubts = 10

// checkRecords reports whether Realtime Register accepts an update with all records of the zone, as far as reading shows.
func (a *account) checkRecords(c *check.Check, z *realtimeregister.Zone) {
	var refused, doubted []string
	for _, d := range z.Doubts() {
		words := fmt.Sprintf("%s (%s)", d.Record, d.Fault)
		if d.Certain {
			refused = append(refused, words)
		} else {
			doubted = append(doubted, words)
		}
	}
	const why = "An update contains all records of the zone, so one rejected record blocks every challenge. "
	switch {
	case len(refused) > 0:
		c.Step(check.StepRecords, check.Problem, fmt.Sprintf("%sRealtime Register rejects: %s.", why, first(refused)),
			"Correct the record in Realtime Register's portal, or delegate the challenge to another zone by CNAME.")
	case len(doubted) == 0:
		c.Step(check.StepRecords, check.OK, fmt.Sprintf("All records of %s are valid in an update.", z.Name), "")
	case c.Writes():
		c.Step(check.StepRecords, check.OK, fmt.Sprintf("%sThe probe shows whether Realtime Register accepts: %s.", why, first(doubted)), "")
	default:
		c.Step(check.StepRecords, check.Unknown, fmt.Sprintf("%sRealtime Register may reject: %s.", why, first(doubted)),
			"Correct the record in Realtime Register's portal, or run the check with --write, which shows whether it is accepted.")
	}
}

func first(words []string) string {
	if more := len(words) - maxDoubts; more > 0 {
		words = append(words[:maxDoubts:maxDoubts], fmt.Sprintf("%d more", more))
	}
	return check.List(words)
}
