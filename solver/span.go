package solver

import (
	"context"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// tracer is the spans' instrumentation scope.
const tracer = "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"

// startSpan starts a child of the request's span. If the request is not sampled, nothing is recorded.
func startSpan(ctx context.Context, action Action, ch *whapi.ChallengeRequest) (context.Context, trace.Span) {
	return trace.SpanFromContext(ctx).TracerProvider().Tracer(tracer).Start(ctx, "challenge "+string(action), trace.WithAttributes(
		attribute.String("challenge.dns_name", ch.DNSName),
		attribute.String("challenge.fqdn", ch.ResolvedFQDN),
		attribute.String("challenge.value_sha256", dnshost.Fingerprint(ch.Key)),
	))
}

func endSpan(span trace.Span, result Result, reason string, outcome dnshost.Result) {
	span.SetAttributes(
		attribute.String("challenge.domain", outcome.Domain),
		attribute.String("challenge.result", string(result)),
		attribute.Int("challenge.api_calls", outcome.Calls),
	)
	if reason != "" {
		span.SetStatus(codes.Error, reason)
	}
	span.End()
}
