package server_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
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
	spanID  = "b7ad6b7169203331" // the API server's span

	sampled = "Traceparent: 00-" + traceID + "-" + spanID + "-01"
)

// TestTracing_JoinsTraceOfAPIServer expects a span for the request, below it one for the challenge, and below that one for each
// call. Probes have no trace, even if every request is sampled.
func TestTracing_JoinsTraceOfAPIServer(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	w := newWorld(t, c.flag(t, 1_000_000))
	for _, action := range []whapi.ChallengeAction{whapi.ChallengeActionPresent, whapi.ChallengeActionCleanUp} {
		w.wantSuccess(w.ask(clustertest.CertManager, action, sampled))
	}
	// The API's message is in the span of a failed challenge, and may contain anything.
	w.api.Inject(mijnhosttest.Fault{Kind: mijnhosttest.StatusMessage(http.StatusForbidden, "not "+clustertest.Value+" with "+apiKey)})
	if a := w.ask(clustertest.CertManager, whapi.ChallengeActionPresent, sampled); a.Success {
		t.Errorf("got %+v, want failure", a)
	}
	w.wantEnd() // also sends the remaining spans

	spans := c.all()
	for child, parent := range map[string]string{
		"challenge present": "challenge request",
		"challenge cleanup": "challenge request",
		"HTTP GET":          "challenge present", // the Secret and the zone
		"HTTP PATCH":        "challenge present",
		"HTTP DELETE":       "challenge cleanup",
	} {
		if !slices.ContainsFunc(spans, func(s *trace.Span) bool { return s.GetName() == child && isBelow(spans, s, parent) }) {
			t.Errorf("got spans %v, want %s below %s", names(spans), child, parent)
		}
	}
	for _, s := range spans {
		if got := hex.EncodeToString(s.GetTraceId()); got != traceID {
			t.Errorf("span %s: got trace %s, want %s", s.GetName(), got, traceID)
		}
		if s.GetName() == "challenge request" && hex.EncodeToString(s.GetParentSpanId()) != spanID {
			t.Errorf("the request's span is not below that of the API server")
		}
		for _, secret := range []string{apiKey, clustertest.Value} {
			if strings.Contains(s.String(), secret) {
				t.Errorf("%s contains %s: %s", s.GetName(), secret, s)
			}
		}
	}
	for name, want := range map[string][]string{
		"challenge present": {"challenge.domain=example.nl challenge.result=success challenge.api_calls=2", "challenge.domain= challenge.result=error challenge.api_calls=1 ERROR"},
		"challenge cleanup": {"challenge.domain=example.nl challenge.result=success challenge.api_calls=2"},
	} {
		if got := outcomes(spans, name); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, r := range w.api.Requests() {
		if r.Header.Get("Traceparent") != "" {
			t.Error("mijn.host received trace headers")
		}
	}
}

// TestTracing_NotSampled also covers a forbidden request.
func TestTracing_NotSampled(t *testing.T) {
	t.Parallel()
	c := collectTraces(t)
	w := newWorld(t, c.flag(t, 0))
	for _, parent := range []string{strings.TrimSuffix(sampled, "1") + "0", "Traceparent: none"} {
		w.wantSuccess(w.ask(clustertest.CertManager, whapi.ChallengeActionPresent, parent))
	}
	if a := w.ask(clustertest.Stranger, whapi.ChallengeActionPresent, sampled); a.Status != http.StatusForbidden {
		t.Errorf("forbidden caller: got %+v, want 403", a)
	}
	w.wantEnd()
	if spans := c.all(); len(spans) > 0 {
		t.Errorf("got spans %v, want none", names(spans))
	}
}

// isBelow reports whether s is a descendant of a span named parent.
func isBelow(spans []*trace.Span, s *trace.Span, parent string) bool {
	return slices.ContainsFunc(spans, func(p *trace.Span) bool {
		return bytes.Equal(p.GetSpanId(), s.GetParentSpanId()) && (p.GetName() == parent || isBelow(spans, p, parent))
	})
}

// outcomes describes the spans with this name.
func outcomes(spans []*trace.Span, name string) []string {
	var all []string
	for _, s := range spans {
		if s.GetName() != name {
			continue
		}
		var words []string
		for _, key := range []string{"challenge.domain", "challenge.result", "challenge.api_calls"} {
			for _, a := range s.GetAttributes() {
				switch {
				case a.GetKey() != key:
				case key == "challenge.api_calls":
					words = append(words, fmt.Sprintf("%s=%d", key, a.GetValue().GetIntValue()))
				default:
					words = append(words, key+"="+a.GetValue().GetStringValue())
				}
			}
		}
		if s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR {
			words = append(words, "ERROR")
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func names(spans []*trace.Span) []string {
	var all []string
	for _, s := range spans {
		all = append(all, s.GetName())
	}
	return all
}
