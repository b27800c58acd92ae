package check

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxValues is the maximum number of values that a step lists.
	maxValues = 10
	// challengesTime bounds the listing of the cluster's Challenges.
	challengesTime = 10 * time.Second
	// valuesNote is shown if the owners of the values are unknown.
	valuesNote = "A value that belongs to no current challenge or other client is a left-over; --remove-value VALUE removes it."
)

// checkValues lists the TXT values that the API has at the challenge's name, and removes the one in Options.RemoveValue.
func (c *Check) checkValues(ctx context.Context, domain, at string) {
	var values []string
	for _, r := range c.account.Records(domain) {
		if r.Type == "TXT" && r.Name == at {
			values = append(values, r.Text)
		}
	}
	if len(values) == 0 {
		c.Step(StepValues, OK, fmt.Sprintf("%s has no TXT values.", at), "")
	} else {
		c.Step(StepValues, OK, fmt.Sprintf("%s has %s: %s. %s", at, plural(len(values), "TXT value", "TXT values"), shown(values), c.whose(ctx, values)), "")
	}
	if c.options.RemoveValue != "" {
		c.removeValue(ctx, domain, at, values)
	}
}

// whose names the values that belong to no Challenge of the cluster. If it cannot list Challenges, the user must decide.
func (c *Check) whose(ctx context.Context, values []string) string {
	if c.options.Challenges == nil {
		return valuesNote
	}
	ctx, cancel := context.WithTimeout(ctx, challengesTime)
	defer cancel()
	owners, err := c.options.Challenges(ctx)
	if err != nil {
		return valuesNote
	}
	var orphans []string
	for _, v := range values {
		if owners[v] == "" {
			orphans = append(orphans, v)
		}
	}
	if len(orphans) == 0 {
		return "All belong to Challenges of this cluster."
	}
	return fmt.Sprintf("Not of a Challenge in this cluster: %s. Unless another cluster or client uses it, it is a left-over; --remove-value VALUE removes it.", shown(orphans))
}

// removeValue removes Options.RemoveValue if the zone has exactly this value.
func (c *Check) removeValue(ctx context.Context, domain, at string, values []string) {
	value := c.options.RemoveValue
	named := shown([]string{value})
	switch {
	case !c.isAllowed(at):
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("Value %s not removed: --allowed-domains does not cover %s.", named, at),
			"Remove it in the DNS host's control panel, or add the domain to --allowed-domains.")
		return
	case !slices.Contains(values, value):
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("Value %s not found at %s; nothing removed.", named, at),
			"Set --remove-value to one of the listed values, without quotes.")
		return
	}
	if err := c.account.RemoveValue(ctx, c, domain, at, value); err != nil {
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("Value %s may still be at %s: %v.", named, at, err),
			"Run the check again in a few minutes, or remove the value in the DNS host's control panel.")
		return
	}
	c.Step(StepRemoveValue, OK, fmt.Sprintf("Removed value %s from %s, and nothing else.", named, at), "")
}

// shown quotes values for a terminal, because any client can have written them.
func shown(values []string) string {
	var b strings.Builder
	for i, v := range values {
		if i == maxValues {
			fmt.Fprintf(&b, " and %d more", len(values)-maxValues)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.QuoteToASCII(v))
	}
	return b.String()
}
