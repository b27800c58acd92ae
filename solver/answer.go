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

// callTime bounds one call. The API server answers 504 after 34 s while the solver
// would run on, and a retry of cert-manager could then overlap it.
const callTime = 25 * time.Second

// answer carries out one call of cert-manager within its time, and tells once what became of it: in one line
// of the log, in the metrics and in a span. It goes on where the caller of ctx has gone away, for a call that is cut
// off between writing a record and saying so helps nobody.
func (s *Solver) answer(ctx context.Context, action Action, ch *whapi.ChallengeRequest, do func(context.Context, *whapi.ChallengeRequest) (dnshost.Result, error)) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	log := klog.Background().WithValues("action", action, "dnsName", ch.DNSName, "fqdn", ch.ResolvedFQDN, "valueSHA256", dnshost.Fingerprint(ch.Key))
	ctx, span := startSpan(logr.NewContext(ctx, log), action, ch)

	learned, err := do(ctx, ch)

	result, reason := judge(err, ch.Key)
	took := time.Since(begun)
	log = log.WithValues("domain", learned.Domain, "result", result, "duration", took.Round(time.Millisecond), "calls", learned.Calls)
	if learned.Shared > 1 {
		log = log.WithValues("callsSharedBy", learned.Shared)
	}
	switch result {
	case ResultError:
		log.Error(errors.New(reason), "The challenge was not answered")
	case ResultGivenUp:
		log.Info("WARNING: a TXT record may be left behind, for the challenge was given up", "reason", reason)
	case ResultSuccess:
		log.Info("The challenge was answered")
	}
	s.observer.ChallengeAnswered(action, result, learned.Domain, took)
	endSpan(span, result, reason, learned)
	if result == ResultGivenUp {
		return nil
	}
	return err
}

// judge returns the result of a challenge, and the reason if it is not success. The API's own words could repeat the
// value, which does not belong into logs and traces.
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
