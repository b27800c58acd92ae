package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/issuer"
)

type object = map[string]any

const (
	issuerPath  = "/apis/cert-manager.io/v1/namespaces/team/issuers/le"
	solversPath = "/apis/acme.mijn.host/v1alpha1"
	groupPath   = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.acme.mijn.host"
	certPath    = "/apis/cert-manager.io/v1/namespaces/team/certificates/web"
	ordersPath  = "/apis/acme.cert-manager.io/v1/orders"
	pendingPath = "/apis/acme.cert-manager.io/v1/challenges"
	reviewPath  = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
	podsPath    = "/api/v1/namespaces/webhook/pods"
)

// api is a Kubernetes API with objects by path. An int is the HTTP status of an error; a func answers a request.
type api map[string]any

func newAPI() api {
	return api{
		issuerPath: issuerWith(solverFor(object{})),
		certPath: object{
			"metadata": object{"labels": object{"team": "a"}},
			"spec":     object{"dnsNames": []string{"www.example.nl"}, "issuerRef": object{"name": "le"}},
		},
		"/apis/cert-manager.io/v1/namespaces/team/certificates": object{"items": []object{}},
		groupPath: object{
			"spec":   object{"service": object{"namespace": "webhook", "name": "hook"}},
			"status": object{"conditions": []object{{"type": "Available", "status": "True"}}},
		},
		solversPath: object{"resources": []object{{"name": "mijn-host"}}},
		"/api/v1/namespaces/webhook/services/hook": object{"spec": object{"selector": object{"app": "hook"}}},
		podsPath: object{"items": []object{{"metadata": object{"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": object{"serviceAccountName": "of-an-old-pod"}}, {"spec": object{
			"serviceAccountName": "hook",
			"containers": []object{{
				"args": []string{"--allowed-domains=example.nl"},
				"env":  []object{{"name": "KEY", "valueFrom": object{"secretKeyRef": object{"name": "ambient", "key": "k"}}}, {"name": "URL", "value": "https://api.test"}},
			}},
		}}}},
		reviewPath:  object{"status": object{"allowed": true}},
		ordersPath:  object{"items": []object{}},
		pendingPath: object{"items": []object{}},
	}
}

// solverFor returns a solver with a selector and this webhook.
func solverFor(selector object) object {
	return object{"selector": selector, "dns01": object{"cnameStrategy": "Follow", "webhook": hookWith("acme.mijn.host", "mijn-host", `{"apiKeySecretRef":{"name":"s"}}`)}}
}

func hookWith(group, name, config string) object {
	return object{"groupName": group, "solverName": name, "config": json.RawMessage(config)}
}

func issuerWith(solvers ...object) object {
	return object{
		"spec":   object{"acme": object{"solvers": solvers}},
		"status": object{"conditions": []object{{"type": "Ready", "status": "True"}}},
	}
}

func webhookOf(hook object) object { return issuerWith(object{"dns01": object{"webhook": hook}}) }

func (a api) plan(t *testing.T, ask check.Ask) check.Plan {
	t.Helper()
	return planner().Plan(t.Context(), a.config(t), ask)
}

func (a api) config(t *testing.T) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, ok := a[r.URL.Path]
		if answers, isFunc := answer.(func(*http.Request) object); isFunc {
			answer = answers(r)
		}
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if status, failing := answer.(int); failing || !ok {
			fault := apierrors.NewNotFound(schema.GroupResource{Resource: "things"}, name)
			switch status {
			case http.StatusForbidden:
				fault = apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, name, nil)
			case http.StatusUnauthorized:
				fault = apierrors.NewUnauthorized("no")
			case http.StatusGone: // the resource itself does not exist
				fault = apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", "", 0, false)
			}
			fault.ErrStatus.Kind, fault.ErrStatus.APIVersion = "Status", "v1"
			w.WriteHeader(int(fault.ErrStatus.Code))
			answer = fault.ErrStatus
		}
		if r.URL.Path == reviewPath {
			var review struct {
				Spec struct {
					User               string
					Groups             []string
					ResourceAttributes map[string]string
				}
			}
			err := json.NewDecoder(r.Body).Decode(&review)
			groups := []string{"system:serviceaccounts", "system:serviceaccounts:webhook", "system:authenticated"}
			attributes := review.Spec.ResourceAttributes
			if err != nil || review.Spec.User != "system:serviceaccount:webhook:hook" || !slices.Equal(review.Spec.Groups, groups) ||
				attributes["verb"] != "get" || attributes["resource"] != "secrets" || attributes["name"] == "" || attributes["namespace"] == "" {
				t.Errorf("access review: got %+v, %v", review.Spec, err)
			}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func planner() issuer.Planner {
	return issuer.Planner{
		KeyVariables: map[string]string{"mijn-host": "KEY"},
		ReadConfig: func(_ string, raw []byte) (check.SolverConfig, error) {
			if strings.Contains(string(raw), "apiKeySecretref") {
				return check.SolverConfig{}, errors.New(`unknown field "apiKeySecretref"`)
			}
			if strings.Contains(string(raw), "apiKeySecretRef") {
				return check.SolverConfig{Secret: "s", Entry: "api-key"}, nil
			}
			return check.SolverConfig{}, nil
		},
	}
}

func TestPlan_Mistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(api)
		step   check.StepID
		status check.Status
		want   string
	}{
		"no mistake":            {func(api) {}, check.StepPending, check.OK, "No Order or Challenge blocks www.example.nl"},
		"Issuer not found":      {func(a api) { delete(a, issuerPath) }, check.StepIssuer, check.Problem, "Issuer team/le not found"},
		"Certificate not found": {func(a api) { delete(a, certPath) }, check.StepIssuer, check.Problem, "Certificate team/web not found"},
		"issuer of another group": {func(a api) {
			a[certPath] = object{"spec": object{"dnsNames": []string{"www.example.nl"}, "issuerRef": object{"name": "le", "group": "awspca.cert-manager.io"}}}
		}, check.StepIssuer, check.Problem, "uses an issuer of the group awspca.cert-manager.io"},
		"no cert-manager":     {func(a api) { a[certPath] = http.StatusGone }, check.StepIssuer, check.Problem, "cert-manager is not installed"},
		"Issuer forbidden":    {func(a api) { a[issuerPath] = http.StatusForbidden }, check.StepIssuer, check.Unknown, "may not read Issuer team/le"},
		"Issuer unauthorized": {func(a api) { a[issuerPath] = http.StatusUnauthorized }, check.StepIssuer, check.Unknown, "may not read Issuer team/le"},
		"Issuer not ACME":     {func(a api) { a[issuerPath] = object{"spec": object{}} }, check.StepIssuer, check.Problem, "not an ACME issuer"},
		"Issuer not Ready":    {func(a api) { a[issuerPath] = object{"spec": object{"acme": object{}}} }, check.StepIssuer, check.Problem, "not Ready"},
		"wrong group":         {func(a api) { a[issuerPath] = webhookOf(hookWith("acme.mijnhost", "mijn-host", "{}")) }, check.StepWebhook, check.Problem, "v1alpha1.acme.mijnhost not found"},
		"APIService unavailable": {func(a api) {
			a[groupPath] = object{"status": object{"conditions": []object{{"type": "Available", "status": "False", "message": "no endpoints."}}}}
		}, check.StepWebhook, check.Problem, "not Available: no endpoints."},
		"APIService forbidden": {func(a api) { a[groupPath] = http.StatusForbidden }, check.StepWebhook, check.Unknown, "Cannot read APIService v1alpha1.acme.mijn.host"},
		"solvers forbidden":    {func(a api) { a[solversPath] = http.StatusForbidden }, check.StepWebhook, check.Unknown, "Cannot list the solvers of acme.mijn.host"},
		"wrong solver name": {func(a api) {
			a[issuerPath] = webhookOf(hookWith("acme.mijn.host", "mijnhost", "{}"))
			a[solversPath] = object{"resources": []object{{"name": "a"}, {"name": "b"}}}
		}, check.StepWebhook, check.Problem, "has no solver \"mijnhost\", only a and b.\nSet solverName to mijn-host."},
		"no solver served": {func(a api) { a[solversPath] = object{} }, check.StepWebhook, check.Problem, "The webhook acme.mijn.host serves no solvers.\nCheck the webhook's version and log."},
		"solver of another webhook": {func(a api) {
			a[issuerPath] = webhookOf(hookWith("acme.mijn.host", "another", "{}"))
			a[solversPath] = object{"resources": []object{{"name": "another"}}}
		}, check.StepWebhook, check.Unknown, "another of acme.mijn.host belongs to another webhook"},
		"misspelt config field": {func(a api) {
			a[issuerPath] = webhookOf(hookWith("acme.mijn.host", "mijn-host", `{"apiKeySecretref":{}}`))
		}, check.StepConfig, check.Problem, `Unknown field "apiKeySecretref".`},
		"no Secret named": {func(a api) { a[issuerPath] = webhookOf(hookWith("acme.mijn.host", "mijn-host", "{}")) }, check.StepAccess, check.Problem, "no apiKeySecretRef, and no ambient API key applies"},
		"no Secret named, no pods": {func(a api) {
			a[issuerPath], a[podsPath] = webhookOf(hookWith("acme.mijn.host", "mijn-host", "{}")), object{}
		}, check.StepAccess, check.Problem, "no ambient API key applies"},
		"no Secret named, ambient key in plain text": {func(a api) {
			a[issuerPath] = webhookOf(hookWith("acme.mijn.host", "mijn-host", "{}"))
			a[podsPath] = podWith(object{"name": "KEY", "value": "k"})
		}, check.StepAccess, check.Problem, "no ambient API key applies"},
		"Secret forbidden": {func(a api) { a[reviewPath] = object{"status": object{"allowed": false}} }, check.StepAccess, check.Problem, "ServiceAccount webhook/hook may not read the Secret team/s"},
		"review forbidden": {func(a api) { a[reviewPath] = http.StatusForbidden }, check.StepAccess, check.Unknown, "Cannot check"},
		"no pods":          {func(a api) { a[podsPath] = object{} }, check.StepAccess, check.Unknown, "Cannot find the webhook's ServiceAccount"},
		"Service without selector": {func(a api) {
			a["/api/v1/namespaces/webhook/services/hook"] = object{"spec": object{}}
		}, check.StepAccess, check.Unknown, "Cannot find the webhook's ServiceAccount"},
		"dnsZones with final dot": {func(a api) { a[issuerPath] = issuerWith(solverFor(object{"dnsZones": []string{"example.nl."}})) }, check.StepSolver, check.Problem, "example.nl."},
		"dnsNames in upper case":  {func(a api) { a[issuerPath] = issuerWith(solverFor(object{"dnsNames": []string{"WWW.example.nl"}})) }, check.StepSolver, check.Problem, "WWW.example.nl"},
		"upper case in a selector that other labels rule out": {func(a api) {
			a[issuerPath] = issuerWith(solverFor(object{"matchLabels": object{"team": "b"}, "dnsNames": []string{"WWW.example.nl"}}), solverFor(object{}))
		}, check.StepSolver, check.OK, "solver 2 of"},
		"DNS-01 of another provider": {func(a api) {
			a[issuerPath] = issuerWith(object{"dns01": object{"route53": object{}}})
		}, check.StepSolver, check.Unknown, "not a webhook"},
		"no solver for the name": {func(a api) { a[issuerPath] = issuerWith(solverFor(object{"dnsZones": []string{"other.nl"}})) }, check.StepSolver, check.Problem, "No solver of Issuer team/le matches www.example.nl"},
		"HTTP-01 for a wildcard": {func(a api) {
			a[certPath] = object{"spec": object{"dnsNames": []string{"*.example.nl"}, "issuerRef": object{"name": "le"}}}
			a[issuerPath] = issuerWith(object{"http01": object{"ingress": object{}}}, solverFor(object{}))
		}, check.StepSolver, check.OK, "solver 2 of"},
		"Challenge of a wildcard Terminating": {func(a api) {
			a[certPath] = object{"spec": object{"dnsNames": []string{"*.example.nl"}, "issuerRef": object{"name": "le"}}}
			a[pendingPath] = object{"items": []object{{"metadata": object{"namespace": "team", "name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": object{"dnsName": "example.nl"}}}}
		}, check.StepPending, check.Problem, "Challenge team/old for example.nl is Terminating: no reason given."},
		"HTTP-01": {func(a api) { a[issuerPath] = issuerWith(object{"http01": object{"ingress": object{}}}) }, check.StepSolver, check.Unknown, "not a webhook"},
		"Challenge Terminating": {func(a api) {
			a[pendingPath] = object{"items": []object{{"metadata": object{"namespace": "team", "name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": object{"dnsName": "www.example.nl"}, "status": object{"reason": "forbidden"}}}}
		}, check.StepPending, check.Problem, "Challenge team/old for www.example.nl is Terminating: forbidden."},
		"Challenge Terminating for another name": {func(a api) {
			a[pendingPath] = object{"items": []object{
				{"metadata": object{"namespace": "team", "name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": object{"dnsName": "example.nl"}},
				{"metadata": object{"namespace": "team", "name": "new"}, "spec": object{"dnsName": "www.example.nl"}},
			}}
		}, check.StepPending, check.OK, "No Order or Challenge blocks www.example.nl"},
		"Challenges forbidden": {func(a api) { a[pendingPath] = http.StatusForbidden }, check.StepPending, check.Unknown, "Cannot list"},
		"Orders forbidden": {func(a api) {
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = http.StatusForbidden
		}, check.StepPending, check.Unknown, "Cannot list"},
		"other Orders failed": {func(a api) {
			const reason = "no configured challenge solvers can be used for this challenge"
			theirs, another, elsewhere, other := orderOf("a", "2026-01-01", reason), orderOf("b", "2026-01-01", reason), orderOf("c", "2026-01-01", reason), orderOf("d", "2026-01-02", "denied")
			theirs["spec"] = object{"dnsNames": []string{"www.example.nl"}, "issuerRef": object{"name": "other"}}
			another["spec"] = object{"dnsNames": []string{"example.nl"}, "issuerRef": object{"name": "le"}}
			elsewhere["metadata"] = object{"namespace": "other", "name": "c", "creationTimestamp": "2026-01-03"}
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{"items": []object{theirs, another, elsewhere, other}}
		}, check.StepPending, check.OK, "No Order or Challenge blocks www.example.nl"},
		"Order without solver": {func(a api) {
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{"items": []object{orderOf("failed", "2026-01-02", "no configured challenge solvers can be used for this challenge"), orderOf("older", "2026-01-01", "")}}
		}, check.StepPending, check.Problem, "Order team/failed failed"},
		"Order of a ClusterIssuer without solver": {func(a api) {
			failed := orderOf("failed", "2026-01-02", "no configured challenge solvers can be used for this challenge")
			ref := object{"name": "le", "kind": "ClusterIssuer"}
			failed["spec"] = object{"dnsNames": []string{"www.example.nl"}, "issuerRef": ref}
			a[certPath] = object{"spec": object{"dnsNames": []string{"www.example.nl"}, "issuerRef": ref}}
			a["/apis/cert-manager.io/v1/clusterissuers/le"] = a[issuerPath]
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{"items": []object{failed}}
		}, check.StepPending, check.Problem, "Order team/failed failed"},
		"Challenge Terminating, Orders forbidden": {func(a api) {
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = http.StatusForbidden
			a[pendingPath] = object{"items": []object{{"metadata": object{"namespace": "team", "name": "old", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": object{"dnsName": "www.example.nl"}}}}
		}, check.StepPending, check.Problem, "Challenge team/old for www.example.nl is Terminating"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI()
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{"items": []object{}}
			c.set(a)
			plan := a.plan(t, check.Ask{Certificate: "team/web", ResourceNamespace: "cm"})
			steps := plan.Steps
			for _, target := range plan.Targets {
				steps = append(steps, target.Steps...)
			}
			i := slices.IndexFunc(steps, func(s check.Step) bool { return s.ID == c.step })
			if i < 0 || steps[i].Status != c.status || !strings.Contains(steps[i].Summary+"\n"+steps[i].Remedy, c.want) {
				t.Fatalf("step %s: got %+v, want %s with %q", c.step, steps, c.status, c.want)
			}
			for _, s := range steps {
				if s.Status != check.OK && s.Remedy == "" {
					t.Errorf("%+v has no fix", s)
				}
			}
		})
	}
}

// podWith returns a list of one pod with these environment variables.
func podWith(env ...object) object {
	return object{"items": []object{{"spec": object{"serviceAccountName": "hook", "containers": []object{{"env": env}}}}}}
}

func orderOf(name, created, reason string) object {
	return object{
		"metadata": object{"namespace": "team", "name": name, "creationTimestamp": created},
		"spec":     object{"dnsNames": []string{"www.example.nl"}, "issuerRef": object{"name": "le"}}, "status": object{"state": "errored", "reason": reason},
	}
}

func TestPlan_NoNames(t *testing.T) {
	t.Parallel()
	const certificates = "/apis/cert-manager.io/v1/namespaces/team/certificates"
	for want, answer := range map[string]any{
		"No Certificate with a DNS name uses Issuer team/le.":           object{},
		"Your account may not read the Certificates of Issuer team/le.": http.StatusForbidden,
	} {
		a := newAPI()
		a[certificates] = answer
		plan := a.plan(t, check.Ask{Issuer: "team/le"})
		if len(plan.Targets) > 0 || len(plan.Steps) != 1 || plan.Steps[0].Status == check.OK || plan.Steps[0].Summary != want {
			t.Errorf("got %+v, want only %q", plan, want)
		}
	}
}

func TestPlan_InvalidConfig(t *testing.T) {
	t.Parallel()
	config := &rest.Config{Host: "https://cluster.test", TLSClientConfig: rest.TLSClientConfig{Insecure: true, CAFile: "ca.crt"}}
	plan := planner().Plan(t.Context(), config, check.Ask{Issuer: "team/le"})
	if len(plan.Steps) != 1 || plan.Steps[0].Status != check.Unknown || !strings.Contains(plan.Steps[0].Summary, "Cannot connect") {
		t.Errorf("got %+v, want only that the check cannot connect", plan)
	}
	if _, err := planner().Challenges(t.Context(), config); err == nil {
		t.Error("Challenges: got no error")
	}
}

func TestPlan_Target(t *testing.T) {
	t.Parallel()
	plan := newAPI().plan(t, check.Ask{Issuer: "team/le", Domain: "*.Example.NL."})
	if len(plan.Targets) != 1 {
		t.Fatalf("got %+v", plan)
	}
	got := plan.Targets[0]
	if got.Name != "*.example.nl" || got.Provider != "mijn-host" || got.Namespace != "team" || got.Secret != "s" || got.Entry != "api-key" || got.CNAMEStrategy != "Follow" {
		t.Errorf("got %+v", got)
	}
	if want := map[string]string{"POD_NAMESPACE": "webhook", "--allowed-domains": "example.nl", "URL": "https://api.test"}; !maps.Equal(got.Environment, want) {
		t.Errorf("environment: got %v, want %v", got.Environment, want)
	}
}

func TestPlan_DomainInUnicode(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{"Bücher.NL.": "xn--bcher-kva.nl", "*.bücher.nl": "*.xn--bcher-kva.nl"} {
		if plan := newAPI().plan(t, check.Ask{Issuer: "team/le", Domain: domain}); len(plan.Targets) != 1 || plan.Targets[0].Name != want {
			t.Errorf("%s: got %+v, want %s", domain, plan.Targets, want)
		}
	}
}

// Each name of the Certificates that use the issuer is planned once.
func TestPlan_Names(t *testing.T) {
	t.Parallel()
	const certificates = "/apis/cert-manager.io/v1/certificates"
	named := func(ref object, commonName string, names ...string) object {
		return object{"spec": object{"issuerRef": ref, "commonName": commonName, "dnsNames": names}}
	}
	ours := object{"name": "le", "kind": "ClusterIssuer", "group": "cert-manager.io"}
	a := newAPI()
	a["/apis/cert-manager.io/v1/clusterissuers/le"] = a[issuerPath]
	a[certificates] = object{"items": []object{
		named(ours, "a.nl", "b.nl", "A.nl"),
		named(object{"name": "le", "kind": "ClusterIssuer"}, "", "b.nl", "*.b.nl", "not a name"),
		named(object{"name": "other", "kind": "ClusterIssuer"}, "other.nl"),
		named(object{"name": "le"}, "issuer.nl"),
		named(object{"name": "le", "kind": "ClusterIssuer", "group": "other.group"}, "group.nl"),
	}}
	a["/apis/cert-manager.io/v1/namespaces/team/certificates"] = object{"items": []object{named(object{"name": "le", "kind": "Issuer"}, "", "team.nl")}}
	for want, ask := range map[string]check.Ask{
		"a.nl b.nl *.b.nl": {ClusterIssuer: "le", ResourceNamespace: "cm"},
		"team.nl":          {Issuer: "team/le"},
	} {
		var got []string
		for _, target := range a.plan(t, ask).Targets {
			got = append(got, target.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: got %q, want %s", ask, got, want)
		}
	}
}

func TestPlan_ClusterIssuer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config    string
		pods      object // nil for a pod whose ambient key comes from a Secret
		status    check.Status
		words     string
		namespace string
		secret    string
		entry     string
	}{
		"Secret of the cluster resource namespace": {config: `{"apiKeySecretRef":{"name":"s"}}`, status: check.OK, words: "may read the Secret cm/s", namespace: "cm", secret: "s", entry: "api-key"},
		"ambient key":               {config: `{}`, status: check.OK, words: "ambient API key, from the Secret webhook/ambient", namespace: "webhook", secret: "ambient", entry: "k"},
		"ambient key in plain text": {config: `{}`, pods: podWith(object{"name": "KEY", "value": "k"}), status: check.Unknown, words: "comes from no Secret"},
		"no ambient key":            {config: `{}`, pods: podWith(), status: check.Problem, words: "no ambient API key applies"},
		"no pods":                   {config: `{}`, pods: object{}, status: check.Unknown, words: "Cannot find the webhook's pods"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI()
			a["/apis/cert-manager.io/v1/clusterissuers/le"] = webhookOf(hookWith("acme.mijn.host", "mijn-host", c.config))
			if c.pods != nil {
				a[podsPath] = c.pods
			}
			a[certPath] = object{"spec": object{"dnsNames": []string{"www.example.nl"}, "issuerRef": object{"name": "le", "kind": "ClusterIssuer"}}}
			a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{}
			for _, ask := range []check.Ask{{ClusterIssuer: "le", Domain: "example.nl", ResourceNamespace: "cm"}, {Certificate: "team/web", ResourceNamespace: "cm"}} {
				plan := a.plan(t, ask)
				if len(plan.Targets) != 1 {
					t.Fatalf("got %+v, want one target", plan)
				}
				got := plan.Targets[0]
				i := slices.IndexFunc(got.Steps, func(s check.Step) bool { return s.ID == check.StepAccess })
				if i < 0 || got.Steps[i].Status != c.status || !strings.Contains(got.Steps[i].Summary, c.words) {
					t.Errorf("got %+v, want %s with %q", got.Steps, c.status, c.words)
				}
				if usable := got.Provider != ""; usable != (c.secret != "") || usable && (got.Namespace != c.namespace || got.Secret != c.secret || got.Entry != c.entry || got.CNAMEStrategy != "None") {
					t.Errorf("got %+v, want the Secret %s/%s with the key %s, and cnameStrategy None", got, c.namespace, c.secret, c.entry)
				}
			}
		})
	}
}

// An Issuer can have hundreds of names.
func TestPlan_WebhookQueriedOnce(t *testing.T) {
	t.Parallel()
	a := newAPI()
	a[certPath] = object{"spec": object{"dnsNames": []string{"a.nl", "b.nl", "c.nl"}, "issuerRef": object{"name": "le"}}}
	calls := map[string]int{}
	config := a.config(t)
	config.WrapTransport = func(through http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			calls[r.URL.Path]++
			return through.RoundTrip(r)
		})
	}
	if plan := planner().Plan(t.Context(), config, check.Ask{Certificate: "team/web"}); len(plan.Targets) != 3 {
		t.Fatalf("got %+v", plan)
	}
	for _, path := range []string{groupPath, podsPath} {
		if calls[path] != 1 {
			t.Errorf("%d requests for %s, want 1", calls[path], path)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPlan_SolverChoice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		selectors []object
		want      string
	}{
		"dnsNames before dnsZones":           {[]object{{"dnsZones": []string{"example.nl"}}, {"dnsNames": []string{"www.example.nl"}}}, "solver 2 of"},
		"longest zone first":                 {[]object{{"dnsZones": []string{"nl"}}, {"dnsZones": []string{"example.nl"}}}, "solver 2 of"},
		"longest of all zones first":         {[]object{{"dnsZones": []string{"nl"}}, {"dnsZones": []string{"example.nl", "nl"}}}, "solver 2 of"},
		"missing label is not an empty one":  {[]object{{"matchLabels": object{"absent": ""}}, {}}, "solver 2 of"},
		"zone before no selector":            {[]object{nil, {"dnsZones": []string{"example.nl"}}}, "solver 2 of"},
		"zone before labels":                 {[]object{{"matchLabels": object{"team": "a"}}, {"dnsZones": []string{"nl"}}}, "solver 2 of"},
		"labels before no selector":          {[]object{nil, {"matchLabels": object{"team": "a"}}}, "solver 2 of"},
		"first of equals":                    {[]object{{}, {}}, "solver 1 of"},
		"labels must match":                  {[]object{{"matchLabels": object{"team": "b"}}, {}}, "solver 2 of"},
		"all parts of a selector must match": {[]object{{"dnsNames": []string{"www.example.nl"}, "dnsZones": []string{"other.nl"}}, {}}, "solver 2 of"},
		"dnsZones ignore case":               {[]object{{}, {"dnsZones": []string{"Example.NL"}}}, "solver 2 of"},
		"zone must match whole labels":       {[]object{{"dnsZones": []string{"ample.nl"}}, {}}, "solver 2 of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI()
			var solvers []object
			for _, s := range c.selectors {
				one := solverFor(s)
				if s == nil {
					delete(one, "selector")
				}
				solvers = append(solvers, one)
			}
			a[issuerPath] = issuerWith(solvers...)
			got := a.plan(t, check.Ask{Certificate: "team/web"}).Targets[0].Steps[0]
			if got.ID != check.StepSolver || !strings.Contains(got.Summary, c.want) {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

// A name that the Certificate does not have yet is matched with the Certificate's labels.
func TestPlan_AnotherName(t *testing.T) {
	t.Parallel()
	a := newAPI()
	a["/apis/acme.cert-manager.io/v1/namespaces/team/orders"] = object{}
	a[issuerPath] = issuerWith(solverFor(object{"matchLabels": object{"team": "a"}}))
	got := a.plan(t, check.Ask{Certificate: "team/web", Domain: "new.example.nl"})
	if len(got.Targets) != 1 || got.Targets[0].Provider != "mijn-host" {
		t.Errorf("got %+v, want one target with the solver mijn-host", got)
	}
}

func TestPlan_PodsOfService(t *testing.T) {
	t.Parallel()
	a, selectors := newAPI(), []string{}
	pods, _ := a[podsPath].(object)
	a[podsPath] = func(r *http.Request) object {
		selectors = append(selectors, r.URL.Query().Get("labelSelector"))
		return pods
	}
	a["/api/v1/namespaces/webhook/services/hook"] = object{"spec": object{"selector": object{"b": "2", "a": "1"}}}
	a.plan(t, check.Ask{Issuer: "team/le", Domain: "example.nl"})
	if !slices.Equal(selectors, []string{"a=1,b=2"}) {
		t.Errorf("got pod selectors %q, want a=1,b=2", selectors)
	}
}

func TestChallenges_ManyPages(t *testing.T) {
	t.Parallel()
	a := api{pendingPath: func(r *http.Request) object {
		next := map[string]string{"": "1", "1": "2", "2": ""}
		at := r.URL.Query().Get("continue")
		if limit := r.URL.Query().Get("limit"); limit != "500" {
			t.Errorf("got limit %q, want 500", limit)
		}
		return object{"metadata": object{"continue": next[at]}, "items": []object{
			{"metadata": object{"namespace": "n", "name": "c" + at}, "spec": object{"type": "DNS-01", "key": "v" + at}},
		}}
	}}
	got, err := planner().Challenges(t.Context(), a.config(t))
	if want := map[string]string{"v": "n/c", "v1": "n/c1", "v2": "n/c2"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	a := api{pendingPath: object{"items": []object{
		{"metadata": object{"namespace": "n", "name": "c"}, "spec": object{"type": "DNS-01", "key": "v"}},
		{"metadata": object{"namespace": "n", "name": "h"}, "spec": object{"type": "HTTP-01", "key": "w"}},
	}}}
	got, err := planner().Challenges(t.Context(), a.config(t))
	if want := map[string]string{"v": "n/c"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := planner().Challenges(ctx, a.config(t)); err == nil {
		t.Error("canceled context: got no error")
	}
}
