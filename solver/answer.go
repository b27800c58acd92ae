package solver

import (
	"context"
	"errors"
	"strings"
	"time"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// callTime bounds one call. The API server answers 504 after 34 s while the solver keeps running, so without this bound a
// retry by cert-manager could overlap the first call.
const callTime = 25 * time.Second

// answer runs do for one call from cert-manager, within callTime, and reports the outcome once: in one log line, in the
// metrics and in a span. It ignores the cancellation of ctx, because stopping between writing a record and reporting it
// would leave cert-manager with the wrong state.
func (s *Solver) answer(ctx context.Context, action Action, ch *whapi.ChallengeRequest, do func(context.Context, *whapi.ChallengeRequest) (dnshost.Result, error)) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	log := klog.Background().WithValues("action", action, "dnsName", ch.DNSName, "fqdn", ch.ResolvedFQDN, "valueSHA256", dnshost.Fingerprint(ch.Key))
	ctx, span := startSpan(logr.NewContext(ctx, log), action, ch)

	outcome, err := do(ctx, ch)

	result, reason := judge(err, ch.Key)
	elapsed := time.Since(start)
	log = log.WithValues("domain", outcome.Domain, "result", result, "duration", elapsed.Round(time.Millisecond), "calls", outcome.Calls)
	if outcome.Shared > 1 {
		log = log.WithValues("callsSharedBy", outcome.Shared)
	}
	success, failure := "Presented challenge", "Failed to present challenge"
	if action == ActionCleanUp {
		success, failure = "Cleaned up challenge", "Failed to clean up challenge"
	}
	switch result {
	case ResultError:
		log.Error(errors.New(reason), failure)
	case ResultGivenUp:
		log.Info("WARNING: Gave up cleaning up challenge; a TXT record may be left behind", "reason", reason)
	case ResultSuccess:
		log.Info(success)
	}
	s.observer.ChallengeAnswered(action, result, outcome.Domain, elapsed)
	endSpan(span, result, reason, outcome)
	if result == ResultGivenUp {
		return nil
	}
	return err
}

// judge returns the result of a call, and the reason if it failed. It masks value, which the API's error may repeat and
// which must not reach logs and traces.
func judge(err error, value string) (result Result, reason string) {
	switch {
	case err == nil:
		return ResultSuccess, ""
	case errors.As(err, new(*dnshost.LeftBehindError)):
		result = ResultGivenUp
	default:
		result = ResultError
	}
	reason = err.Error()
	if value != "" {
		reason = strings.ReplaceAll(reason, value, "[value]")
	}
	return result, reason
}
