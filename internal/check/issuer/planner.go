package issuer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

// Planner implements check.Planner.
type Planner struct {
	// KeyVariables are the environment variables of ambient API keys, by solver name, for all solvers of this webhook.
	KeyVariables map[string]string
	// ReadConfig decodes the config of a solver as the webhook does. The report shows its error.
	ReadConfig func(solverName string, raw []byte) (check.SolverConfig, error)
}

// run is the making of one plan.
type run struct {
	Planner
	cluster
	ask    check.Ask
	ref    issuerRef
	from   string // namespace of the Issuer; empty for a ClusterIssuer
	issuer issuerObject

	pending  pending
	webhooks map[webhookName]webhook // found so far
}

// subject is a DNS name with the labels of its Order.
type subject struct {
	name   string
	labels map[string]string
}

// String names the issuer.
func (r *run) String() string {
	if r.from == "" {
		return "ClusterIssuer " + r.ref.Name
	}
	return "Issuer " + r.from + "/" + r.ref.Name
}

// Plan implements check.Planner.
func (p Planner) Plan(ctx context.Context, config *rest.Config, ask check.Ask) check.Plan {
	k, err := connect(config)
	if err != nil {
		return check.Plan{Steps: []check.Step{{
			ID: check.StepIssuer, Status: check.Unknown, Summary: "Cannot connect to the Kubernetes API.", Remedy: "Check --kubeconfig.",
		}}}
	}
	r := &run{Planner: p, cluster: k, ask: ask, webhooks: map[webhookName]webhook{}}
	subjects, step := r.read(ctx)
	plan := check.Plan{Steps: []check.Step{step}}
	if step.Status == check.OK {
		r.pending = r.listPending(ctx)
		for _, s := range subjects {
			plan.Targets = append(plan.Targets, r.withPending(r.target(ctx, s), s))
		}
	}
	return plan
}

// read finds the issuer and the DNS names.
func (r *run) read(ctx context.Context) ([]subject, check.Step) {
	var certificates []certificate
	switch {
	case r.ask.Certificate != "":
		namespace, name, _ := strings.Cut(r.ask.Certificate, "/")
		var one certificate
		if err := r.get(ctx, certManager+"namespaces/"+namespace+"/certificates/"+name, &one); err != nil {
			return nil, unreadable("Certificate "+r.ask.Certificate, err)
		}
		certificates, r.ref = []certificate{one}, one.Spec.IssuerRef
		if r.ref.Group != "" && r.ref.Group != "cert-manager.io" {
			return nil, problem(check.StepIssuer, fmt.Sprintf("Certificate %s uses an issuer of the group %s.", r.ask.Certificate, r.ref.Group),
				"Name a Certificate that uses an Issuer or ClusterIssuer of cert-manager.io.")
		}
		if r.ref.Kind != "ClusterIssuer" {
			r.from = namespace
		}
	case r.ask.ClusterIssuer != "":
		r.ref = issuerRef{Name: r.ask.ClusterIssuer, Kind: "ClusterIssuer"}
	default:
		r.from, r.ref.Name, _ = strings.Cut(r.ask.Issuer, "/")
	}
	path := certManager + "clusterissuers/" + r.ref.Name
	if r.from != "" {
		path = certManager + "namespaces/" + r.from + "/issuers/" + r.ref.Name
	}
	if err := r.get(ctx, path, &r.issuer); err != nil {
		return nil, unreadable(r.String(), err)
	}
	if r.issuer.Spec.ACME == nil {
		return nil, problem(check.StepIssuer, fmt.Sprintf("%s is not an ACME issuer.", r), "Use an Issuer with spec.acme.")
	}
	if ready := conditionOf(r.issuer.Status.Conditions, "Ready"); ready.Status != "True" {
		return nil, problem(check.StepIssuer, fmt.Sprintf("%s is not Ready: %s.", r, orUnknown(ready.Message)),
			"cert-manager must register the ACME account first. Check spec.acme.server, spec.acme.email and the CA's terms.")
	}
	if r.ask.Certificate == "" && r.ask.Domain == "" {
		scope := certManager + "certificates"
		if r.from != "" {
			scope = certManager + "namespaces/" + r.from + "/certificates"
		}
		all, err := list[certificate](ctx, r.cluster, scope, "")
		if err != nil {
			return nil, unreadable("the Certificates of "+r.String(), err)
		}
		for _, one := range all {
			if r.isUsedBy(one.Spec.IssuerRef) {
				certificates = append(certificates, one)
			}
		}
	}
	subjects := subjectsOf(certificates, r.ask.Domain)
	if len(subjects) == 0 {
		return nil, problem(check.StepIssuer, fmt.Sprintf("No Certificate with a DNS name uses %s.", r), "Set a DNS name with --domain.")
	}
	return subjects, check.Step{ID: check.StepIssuer, Status: check.OK, Summary: fmt.Sprintf("%s is an ACME issuer and is Ready.", r)}
}

func (r *run) isUsedBy(ref issuerRef) bool {
	isCluster := ref.Kind == "ClusterIssuer"
	return ref.Name == r.ref.Name && isCluster == (r.from == "") && (ref.Group == "" || ref.Group == "cert-manager.io")
}

// subjectsOf returns each DNS name once, with the labels of the first Certificate that has it. If only is set, it returns only that
// name.
func subjectsOf(certificates []certificate, only string) []subject {
	if only != "" {
		wildcard, name := "", dnsname.TrimDot(only)
		if bare, ok := strings.CutPrefix(name, "*."); ok {
			wildcard, name = "*.", bare
		}
		one := subject{name: wildcard + dnsname.ToASCII(name)}
		if len(certificates) > 0 { // the one that was asked for
			one.labels = certificates[0].Metadata.Labels
		}
		return []subject{one}
	}
	var all []subject
	for _, c := range certificates {
		for _, name := range append([]string{c.Spec.CommonName}, c.Spec.DNSNames...) {
			name = strings.ToLower(name)
			known := slices.ContainsFunc(all, func(s subject) bool { return s.name == name })
			if dnsname.IsDomain(strings.TrimPrefix(name, "*.")) && !known {
				all = append(all, subject{name, c.Metadata.Labels})
			}
		}
	}
	return all
}

func orUnknown(words string) string {
	if words == "" {
		return "no reason given"
	}
	return strings.TrimSuffix(words, ".")
}

func problem(id check.StepID, summary, remedy string) check.Step {
	return check.Step{ID: id, Status: check.Problem, Summary: summary, Remedy: remedy}
}

// unreadable returns the step for an object that could not be read.
func unreadable(what string, err error) check.Step {
	switch {
	case isObjectMissing(err):
		return problem(check.StepIssuer, what+" not found.", "Check the name, the namespace and the kind.")
	case apierrors.IsNotFound(err):
		return problem(check.StepIssuer, "cert-manager is not installed in this cluster.", "Install cert-manager, or select another cluster with --kubeconfig.")
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return check.Step{
			ID: check.StepIssuer, Status: check.Unknown, Summary: "Your account may not read " + what + ".",
			Remedy: "Use a kubeconfig whose account may read objects of cert-manager.io.",
		}
	default:
		return check.Step{
			ID: check.StepIssuer, Status: check.Unknown, Summary: "Cannot read " + what + " from the Kubernetes API.",
			Remedy: "Check that kubectl reaches the cluster from here.",
		}
	}
}
