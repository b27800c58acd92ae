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
	// maxValues bounds how many values are shown.
	maxValues = 10
	// challengesTime bounds the listing of the cluster's Challenges.
	challengesTime = 10 * time.Second
	// valuesNote is what values are there for.
	valuesNote = "Those of challenges that are in progress belong there; any other is a left-over, which --remove-value VALUE removes, or belongs to another client."
)

// checkValues lists the TXT values under the name at which challenges are answered, as the API shows them, and removes the
// one that the options name.
func (c *Check) checkValues(ctx context.Context, domain, at string) {
	var values []string
	for _, r := range c.account.Records(domain) {
		if r.Type == "TXT" && r.Name == at {
			values = append(values, r.Text)
		}
	}
	if len(values) == 0 {
		c.Step(StepValues, OK, fmt.Sprintf("There is no TXT value under %s.", at), "")
	} else {
		c.Step(StepValues, OK, fmt.Sprintf("Under %s there %s: %s. %s", at, standing(len(values)), shown(values), c.whose(ctx, values)), "")
	}
	if c.options.RemoveValue != "" {
		c.removeValue(ctx, domain, at, values)
	}
}

// whose says which values are left-overs. Without a cluster, or if its Challenges cannot be listed, that is for the reader to decide.
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
	return fmt.Sprintf("No Challenge of this cluster has: %s. Unless another cluster or client wrote it, it is a left-over; --remove-value VALUE removes it.", shown(orphans))
}

// removeValue removes the value that the options name, if it stands there in exactly this form.
func (c *Check) removeValue(ctx context.Context, domain, at string, values []string) {
	value := c.options.RemoveValue
	named := shown([]string{value})
	switch {
	case !c.isAllowed(at):
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("The value %s was not removed: --allowed-domains does not cover %s.", named, at),
			"Remove it in the control panel of the DNS host, or add the domain to --allowed-domains.")
		return
	case !slices.Contains(values, value):
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("The value %s is not under %s, and nothing was removed.", named, at),
			"Give --remove-value one of the values that are listed, without quotes.")
		return
	}
	if err := c.account.RemoveValue(ctx, c, domain, at, value); err != nil {
		c.Step(StepRemoveValue, Problem, fmt.Sprintf("The value %s may still be under %s: %v.", named, at, err),
			"Run the check again in some minutes, or remove the value in the control panel of the DNS host.")
		return
	}
	c.Step(StepRemoveValue, OK, fmt.Sprintf("The value %s was removed from under %s, and nothing else.", named, at), "")
}

func standing(n int) string {
	if n == 1 {
		return "is 1 TXT value"
	}
	return fmt.Sprintf("are %d TXT values", n)
}

// shown are values as they can be printed on a terminal: anybody may have written them.
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
