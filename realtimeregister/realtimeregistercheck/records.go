package realtimeregistercheck

import (
	"fmt"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

// maxDoubts bounds how many records are named.
const maxDoubts = 10

// checkRecords reports whether an update with all records of the zone can succeed, as far as that can be told from reading.
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
	const why = "An update has all records of the zone in it, so one that is refused stops every challenge. "
	switch {
	case len(refused) > 0:
		c.Step(check.StepRecords, check.Problem, fmt.Sprintf("%sRealtime Register refuses: %s.", why, first(refused)),
			"Correct the record in Realtime Register's portal, or delegate the challenge to another zone by CNAME.")
	case len(doubted) == 0:
		c.Step(check.StepRecords, check.OK, fmt.Sprintf("All records of %s have a form that an update can have.", z.Name), "")
	case c.Writes():
		c.Step(check.StepRecords, check.OK, fmt.Sprintf("%sThe probe shows whether Realtime Register takes: %s.", why, first(doubted)), "")
	default:
		c.Step(check.StepRecords, check.Unknown, fmt.Sprintf("%sRealtime Register may refuse: %s.", why, first(doubted)),
			"Correct the record in Realtime Register's portal, or run the check with --write, which shows whether it is taken.")
	}
}

func first(words []string) string {
	if more := len(words) - maxDoubts; more > 0 {
		words = append(words[:maxDoubts:maxDoubts], fmt.Sprintf("%d more", more))
	}
	return check.List(words)
}
