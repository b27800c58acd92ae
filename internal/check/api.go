package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// CountCalls returns a transport that counts requests in calls.
func CountCalls(next http.RoundTripper, calls *atomic.Int64) http.RoundTripper {
	return counting{next, calls}
}

type counting struct {
	next  http.RoundTripper
	calls *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (t counting) RoundTrip(r *http.Request) (*http.Response, error) {
	t.calls.Add(1)
	return t.next.RoundTrip(r)
}

// APIRemedies are a DNS host's remedies for failed calls of its API.
type APIRemedies struct {
	// BaseURLFlag is the flag that sets the API's address.
	BaseURLFlag string
	// Refusal returns the remedy for a rejected key or account, and "" for any other error.
	Refusal func(error) string
	// Other is the remedy for an error that no other remedy covers.
	Other string
}

// APIFault ends a step whose API call failed. A rejection is a problem; a missing answer is inconclusive.
func (c *Check) APIFault(ctx context.Context, id StepID, what string, err error, r APIRemedies) {
	if why, remedy, cut := CutShort(ctx); cut {
		c.Step(id, Unknown, fmt.Sprintf("%s: %s.", what, why), remedy)
		return
	}
	status, remedy := Problem, r.Refusal(err)
	switch {
	case remedy != "":
	case errors.Is(err, apiclient.ErrRateLimited):
		status, remedy = Unknown, "Run the check again in a few minutes. If it persists, find what else uses this API key."
	case errors.Is(err, apiclient.ErrUnavailable):
		status, remedy = Unknown, "Check that this system can reach the API (HTTPS, proxy, NetworkPolicy, "+r.BaseURLFlag+"), and run the check again."
	default:
		remedy = r.Other
	}
	c.Step(id, status, fmt.Sprintf("%s: %v.", what, err), remedy)
}
