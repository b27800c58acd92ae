package issuer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
)

// target finds the solver of a name and checks its webhook, its config and access to its Secret.
func (r *run) target(ctx context.Context, s subject) check.Target {
	t := check.Target{Name: s.name}
	note := func(id check.StepID, status check.Status, summary, remedy string) {
		t.Steps = append(t.Steps, check.Step{ID: id, Status: status, Summary: summary, Remedy: remedy})
	}
	solvers := r.issuer.Spec.ACME.Solvers
	chosen := choose(solvers, s.name, s.labels)
	normal, odd := intended(solvers)
	switch meant := choose(normal, s.name, s.labels); {
	case meant != chosen:
		note(check.StepSolver, check.Problem, fmt.Sprintf("The selector of %s does not match %s as written: %s.", r, s.name, check.List(odd)),
			"Write dnsNames and dnsZones in lower case and without a final dot.")
		return t
	case chosen < 0:
		note(check.StepSolver, check.Problem, fmt.Sprintf("No solver of %s matches %s.", r, s.name),
			"Add the name to dnsNames or its zone to dnsZones of a DNS-01 solver, or add a solver without a selector.")
		return t
	}
	which := fmt.Sprintf("solver %d of %s", chosen+1, r)
	solver := solvers[chosen]
	if solver.DNS01 == nil || solver.DNS01.Webhook == nil {
		note(check.StepSolver, check.Unknown, fmt.Sprintf("cert-manager uses %s for %s, which is not a webhook solver.", which, s.name),
			"If this is not intended, give this webhook's solver a more specific selector.")
		return t
	}
	hook := *solver.DNS01.Webhook
	t.CNAMEStrategy = cmp.Or(solver.DNS01.CNAMEStrategy, "None")
	note(check.StepSolver, check.OK, fmt.Sprintf("cert-manager uses %s for %s.", which, s.name), "")

	served := r.webhook(ctx, webhookName{hook.GroupName, hook.SolverName})
	t.Steps = append(t.Steps, served.step)
	if served.step.Status != check.OK {
		return t
	}
	account := served.account
	t.Environment = account.environment
	config, err := r.ReadConfig(hook.SolverName, hook.Config)
	if err != nil {
		note(check.StepConfig, check.Problem, sentence(err.Error()), fmt.Sprintf("Correct dns01.webhook.config of %s.", which))
		return t
	}
	note(check.StepConfig, check.OK, fmt.Sprintf("The config of %s is valid.", which), "")
	t.Flags = config.Flags
	t.Namespace, t.Secret, t.Entry = r.from, config.Secret, config.Entry
	if t.Namespace == "" {
		t.Namespace = r.ask.ResourceNamespace
	}
	if t.Secret != "" {
		t.Provider = hook.SolverName
		t.Steps = append(t.Steps, r.access(ctx, account, t.Namespace, t.Secret))
		return t
	}
	variable := r.KeyVariables[hook.SolverName]
	key, hasSecret := account.secrets[variable]
	_, isPlain := account.environment[variable]
	switch {
	case r.from == "" && hasSecret:
		t.Provider = hook.SolverName
		t.Namespace, t.Secret, t.Entry = account.namespace, key.name, key.key
		note(check.StepAccess, check.OK, fmt.Sprintf("The webhook has an ambient API key, from the Secret %s/%s.", t.Namespace, t.Secret), "")
	case r.from == "" && isPlain:
		note(check.StepAccess, check.Unknown, "The webhook has an ambient API key that comes from no Secret, so the check cannot use it.",
			"Run the check in the webhook's pod: kubectl exec, webhook check --domain.")
	case r.from == "" && account.name == "":
		note(check.StepAccess, check.Unknown, fmt.Sprintf("The config of %s has no apiKeySecretRef. Cannot find the webhook's pods, so its ambient API key was not checked.", which),
			"Use an account that may read the webhook's Service and list its pods.")
	default:
		note(check.StepAccess, check.Problem, fmt.Sprintf("The config of %s has no apiKeySecretRef, and no ambient API key applies to it.", which),
			"Add apiKeySecretRef to the config.")
	}
	return t
}

func sentence(words string) string { return strings.ToUpper(words[:1]) + words[1:] + "." }

type keyRef struct{ name, key string }

// account is the running webhook's ServiceAccount and settings.
type account struct {
	namespace, name string // of the ServiceAccount
	environment     map[string]string
	secrets         map[string]keyRef // environment variables that come from Secrets
}

type webhookName struct{ group, solver string }

// webhook is a webhook's StepWebhook and, if that is OK, the account it runs with.
type webhook struct {
	step    check.Step
	account account
}

// webhook returns the webhook that serves a solver. It queries the API server once for each.
func (r *run) webhook(ctx context.Context, name webhookName) webhook {
	found, known := r.webhooks[name]
	if !known {
		found = r.findWebhook(ctx, name)
		r.webhooks[name] = found
	}
	return found
}

// findWebhook checks that the API server serves the solver, and finds the webhook's account.
func (r *run) findWebhook(ctx context.Context, name webhookName) webhook {
	step := func(status check.Status, summary, remedy string) webhook {
		return webhook{step: check.Step{ID: check.StepWebhook, Status: status, Summary: summary, Remedy: remedy}}
	}
	var service apiService
	err := r.get(ctx, "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1."+name.group, &service)
	switch {
	case apierrors.IsNotFound(err):
		return step(check.Problem, fmt.Sprintf("No webhook serves the groupName %q: APIService v1alpha1.%s not found.", name.group, name.group),
			"Set groupName of the solver to the chart's value groupName, or install the webhook.")
	case err != nil:
		return step(check.Unknown, fmt.Sprintf("Cannot read APIService v1alpha1.%s.", name.group), "Use a kubeconfig whose account may get APIServices.")
	}
	if available := conditionOf(service.Status.Conditions, "Available"); available.Status != "True" {
		return step(check.Problem, fmt.Sprintf("APIService v1alpha1.%s is not Available: %s.", name.group, orUnknown(available.Message)),
			"Check the webhook's pods and events. Run kubectl describe apiservice for details.")
	}
	var served struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}
	if err := r.get(ctx, "/apis/"+name.group+"/v1alpha1", &served); err != nil {
		return step(check.Unknown, fmt.Sprintf("Cannot list the solvers of %s.", name.group), "Run kubectl get --raw /apis/"+name.group+"/v1alpha1.")
	}
	var solvers []string
	for _, resource := range served.Resources {
		solvers = append(solvers, resource.Name)
	}
	_, ours := r.KeyVariables[name.solver]
	switch isServed := slices.Contains(solvers, name.solver); {
	case isServed && !ours:
		return step(check.Unknown, fmt.Sprintf("The solver %s of %s belongs to another webhook.", name.solver, name.group),
			"If this is not intended, give this webhook's solver a more specific selector.")
	case len(solvers) == 0:
		return step(check.Problem, fmt.Sprintf("The webhook %s serves no solvers.", name.group), "Check the webhook's version and log.")
	case !isServed:
		return step(check.Problem, fmt.Sprintf("The webhook %s has no solver %q, only %s.", name.group, name.solver, check.List(solvers)),
			"Set solverName to "+strings.Join(slices.Sorted(maps.Keys(r.KeyVariables)), " or ")+".")
	}
	found := step(check.OK, fmt.Sprintf("The webhook %s is available and has the solver %s.", name.group, name.solver), "")
	if s := service.Spec.Service; s != nil {
		found.account = r.accountOf(ctx, s.Namespace, s.Name)
	}
	return found
}

// accountOf reads the ServiceAccount and the settings of the pods of a Service. A field that cannot be read stays empty.
func (r *run) accountOf(ctx context.Context, namespace, service string) account {
	a := account{namespace: namespace, environment: map[string]string{}, secrets: map[string]keyRef{}}
	var s struct {
		Spec struct {
			Selector map[string]string `json:"selector"`
		} `json:"spec"`
	}
	_ = r.get(ctx, "/api/v1/namespaces/"+namespace+"/services/"+service, &s)
	if len(s.Spec.Selector) == 0 {
		return a
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(s.Spec.Selector)) {
		labels = append(labels, key+"="+s.Spec.Selector[key])
	}
	pods, _ := list[pod](ctx, r.cluster, "/api/v1/namespaces/"+namespace+"/pods", strings.Join(labels, ","))
	pods = slices.DeleteFunc(pods, func(p pod) bool { return p.Metadata.DeletionTimestamp != "" })
	if len(pods) == 0 {
		return a
	}
	a.name = pods[0].Spec.ServiceAccountName
	a.environment["POD_NAMESPACE"] = namespace
	for _, c := range pods[0].Spec.Containers {
		for _, e := range c.Env {
			if e.Value != "" {
				a.environment[e.Name] = e.Value
			}
			if ref := e.ValueFrom.SecretKeyRef; ref != nil {
				a.secrets[e.Name] = keyRef{ref.Name, ref.Key}
			}
		}
		for _, argument := range c.Args {
			if flag, value, ok := strings.Cut(argument, "="); ok {
				a.environment[flag] = value
			}
		}
	}
	return a
}

// access asks the API server whether the webhook's account may read a Secret.
func (r *run) access(ctx context.Context, a account, namespace, secret string) check.Step {
	what := fmt.Sprintf("the Secret %s/%s", namespace, secret)
	if a.name == "" {
		return check.Step{
			ID: check.StepAccess, Status: check.Unknown, Summary: "Cannot find the webhook's ServiceAccount, so access to " + what + " was not checked.",
			Remedy: "Use an account that may read the webhook's Service and list its pods.",
		}
	}
	user := fmt.Sprintf("system:serviceaccount:%s:%s", a.namespace, a.name)
	review := map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
		"spec": map[string]any{
			"user":               user,
			"groups":             []string{"system:serviceaccounts", "system:serviceaccounts:" + a.namespace, "system:authenticated"},
			"resourceAttributes": map[string]string{"namespace": namespace, "verb": "get", "version": "v1", "resource": "secrets", "name": secret},
		},
	}
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	switch err := r.create(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review, &answer); {
	case err != nil:
		return check.Step{
			ID: check.StepAccess, Status: check.Unknown, Summary: "Cannot check whether the webhook may read " + what + ".",
			Remedy: "Use an account that may create SubjectAccessReviews.",
		}
	case !answer.Status.Allowed:
		return problem(check.StepAccess, fmt.Sprintf("The webhook's ServiceAccount %s/%s may not read %s.", a.namespace, a.name, what),
			"Add the Secret to the chart's values under secrets.")
	default:
		return check.Step{ID: check.StepAccess, Status: check.OK, Summary: "The webhook may read " + what + "."}
	}
}
