package server_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server/clustertest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
)

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	callers = "b7ad6b7169203331" // the API server's span

	sampled = "Traceparent: 00-" + traceID + "-" + callers + "-01"
)

// TestTracing_JoinsTraceOfAPIServer: the request, below it the challenge, and below that each call.
func TestTracing_JoinsTraceOfAPIServer(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	w := newWorld(t, c.flag(t))
	for _, action := range []whapi.ChallengeAction{whapi.ChallengeActionPresent, whapi.ChallengeActionCleanUp} {
		w.wantSuccess(w.ask(clustertest.CertManager, action, sampled))
	}
	// The API's message is in the span of a failed challenge, and may contain anything.
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(http.StatusForbidden, "not "+clustertest.Value+" with "+apiKey)})
	if a := w.ask(clustertest.CertManager, whapi.ChallengeActionPresent, sampled); a.Success {
		t.Errorf("mijn.host refuses: %+v", a)
	}
	w.wantEnd() // which sends what is left

	spans := c.all()
	for child, parent := range map[string]string{
		"challenge present": "challenge request",
		"challenge cleanup": "challenge request",
		"HTTP GET":          "challenge present", // the Secret and the zone
		"HTTP PATCH":        "challenge present",
		"HTTP DELETE":       "challenge cleanup",
	} {
		if !slices.ContainsFunc(spans, func(s *trace.Span) bool { return s.GetName() == child && isBelow(spans, s, parent) }) {
			t.Errorf("no %s below %s in %v", child, parent, names(spans))
		}
	}
	for _, s := range spans {
		if got := hex.EncodeToString(s.GetTraceId()); got != traceID {
			t.Errorf("%s is in the trace %s", s.GetName(), got)
		}
		if s.GetName() == "challenge request" && hex.EncodeToString(s.GetParentSpanId()) != callers {
			t.Errorf("the request is not below the span of the API server")
		}
		for _, secret := range []string{apiKey, clustertest.Value} {
			if strings.Contains(s.String(), secret) {
				t.Errorf("%s contains %s: %s", s.GetName(), secret, s)
			}
		}
	}
	for _, r := range w.api.Requests() {
		if r.Header.Get("Traceparent") != "" {
			t.Error("mijn.host received trace headers")
		}
	}
}

// TestTracing_NotSampled, and neither are other requests.
func TestTracing_NotSampled(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	w := newWorld(t, c.flag(t))
	for _, parent := range []string{strings.TrimSuffix(sampled, "1") + "0", "Traceparent: none"} {
		w.wantSuccess(w.ask(clustertest.CertManager, whapi.ChallengeActionPresent, parent))
	}
	if a := w.ask(clustertest.Stranger, whapi.ChallengeActionPresent, sampled); a.Status != http.StatusForbidden {
		t.Errorf("a stranger: %+v", a)
	}
	w.wantEnd()
	if spans := c.all(); len(spans) > 0 {
		t.Errorf("spans: %v", names(spans))
	}
}

// isBelow reports whether s is a descendant of a span named parent.
func isBelow(spans []*trace.Span, s *trace.Span, parent string) bool {
	return slices.ContainsFunc(spans, func(p *trace.Span) bool {
		return bytes.Equal(p.GetSpanId(), s.GetParentSpanId()) && (p.GetName() == parent || isBelow(spans, p, parent))
	})
}

func names(spans []*trace.Span) []string {
	var all []string
	for _, s := range spans {
		all = append(all, s.GetName())
	}
	return all
}
