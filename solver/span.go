package solver

import (
	"context"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/outcome"
)

// tracer names what made a span.
const tracer = "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"

// startSpan begins the span of a challenge below the request's own. Where the request
// is not traced, nothing is recorded.
func startSpan(ctx context.Context, action Action, ch *whapi.ChallengeRequest) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(tracer).Start(ctx, "challenge "+string(action), trace.WithAttributes(
		attribute.String("challenge.dns_name", ch.DNSName),
		attribute.String("challenge.fqdn", ch.ResolvedFQDN),
		attribute.String("challenge.value_sha256", outcome.Fingerprint(ch.Key)),
	))
}

func endSpan(span trace.Span, result Result, reason string, notes *outcome.Outcome) {
	span.SetAttributes(
		attribute.String("challenge.domain", notes.Domain()),
		attribute.String("challenge.result", string(result)),
		attribute.Int("challenge.api_calls", notes.Calls()),
	)
	if reason != "" {
		span.SetStatus(codes.Error, reason)
	}
	span.End()
}
