package issuer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// noSolver is the end of cert-manager's reason for an Order whose DNS names match no solver.
const noSolver = "no configured challenge solvers can be used"

// pending is what can block a new challenge. failure is the first error of listing.
type pending struct {
	challenges []challenge
	orders     []order
	failure    error
}

func (r *run) listPending(ctx context.Context) pending {
	scope := acme + "orders"
	if namespace, _, ok := strings.Cut(r.ask.Certificate, "/"); ok {
		scope = acme + "namespaces/" + namespace + "/orders"
	}
	challenges, failure := list[challenge](ctx, r.cluster, acme+"challenges", "")
	orders, err := list[order](ctx, r.cluster, scope, "")
	return pending{challenges, orders, cmp.Or(failure, err)}
}

// withPending adds what blocks new challenges for the name: an Order that failed, and a Challenge that is being deleted.
func (r *run) withPending(t check.Target, s subject) check.Target {
	var blocks []check.Step
	bare := strings.TrimPrefix(s.name, "*.")
	for _, c := range r.pending.challenges {
		if c.Spec.DNSName == bare && c.Metadata.DeletionTimestamp != "" {
			name := c.Metadata.Namespace + "/" + c.Metadata.Name
			blocks = append(blocks, problem(check.StepPending, fmt.Sprintf("Challenge %s for %s is Terminating: %s. cert-manager starts no other Challenge for the name until it is deleted.",
				name, bare, orUnknown(c.Status.Reason)),
				fmt.Sprintf("Fix the cause, so that its clean-up succeeds. If that is impossible, delete the TXT record, then remove the finalizer of Challenge %s.", name)))
		}
	}
	var newest order
	for _, o := range r.pending.orders {
		if r.isUsedBy(o.Spec.IssuerRef) && (r.from == "" || o.Metadata.Namespace == r.from) && slices.Contains(o.Spec.DNSNames, s.name) &&
			o.Metadata.CreationTimestamp >= newest.Metadata.CreationTimestamp {
			newest = o
		}
	}
	if strings.Contains(newest.Status.Reason, noSolver) {
		blocks = append(blocks, problem(check.StepPending, fmt.Sprintf("Order %s/%s failed: %s.", newest.Metadata.Namespace, newest.Metadata.Name, orUnknown(newest.Status.Reason)),
			"Correct the solver's selector, then delete the Order's CertificateRequest; cert-manager creates a new one."))
	}
	switch {
	case len(blocks) > 0:
	case r.pending.failure != nil:
		blocks = append(blocks, check.Step{
			ID: check.StepPending, Status: check.Unknown, Summary: "Cannot list the Challenges and Orders of the cluster.",
			Remedy: "Use an account that may list objects of acme.cert-manager.io.",
		})
	default:
		blocks = append(blocks, check.Step{ID: check.StepPending, Status: check.OK, Summary: fmt.Sprintf("No Order or Challenge blocks %s.", s.name)})
	}
	t.Steps = append(t.Steps, blocks...)
	return t
}

// Challenges implements check.Planner.
func (Planner) Challenges(ctx context.Context, config *rest.Config) (map[string]string, error) {
	k, err := connect(config)
	if err != nil {
		return nil, err
	}
	all, err := list[challenge](ctx, k, acme+"challenges", "")
	if err != nil {
		return nil, err
	}
	owners := map[string]string{}
	for _, c := range all {
		if c.Spec.Type == "DNS-01" {
			owners[c.Spec.Key] = c.Metadata.Namespace + "/" + c.Metadata.Name
		}
	}
	return owners, nil
}
