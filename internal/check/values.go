package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

const (
	// maxValues bounds how many values are shown.
	maxValues = 10
	// valuesNote is what values are there for.
	valuesNote = "Those of challenges that are in progress belong there; any other is a left-over, or somebody's."
)

// checkValues lists the TXT values under the name at which challenges are answered, as the API shows them.
func (c *Check) checkValues(ctx context.Context, domain, at string) {
	values, err := c.account.Values(ctx, domain, at)
	if err != nil {
		c.notFound(ctx, StepValues, fmt.Sprintf("Which TXT values stand under %s could not be told", at), err)
		return
	}
	if len(values) == 0 {
		c.Step(StepValues, OK, fmt.Sprintf("No TXT value stands under %s.", at), "")
		return
	}
	c.Step(StepValues, OK, fmt.Sprintf("Under %s there %s: %s. %s", at, standing(len(values)), shown(values), valuesNote), "")
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
