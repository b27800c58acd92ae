package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// Every aggregated API server needs these, cluster-wide and in kube-system.
const (
	reviewTokens   = "create authentication.k8s.io/tokenreviews"
	reviewAccess   = "create authorization.k8s.io/subjectaccessreviews"
	readFrontProxy = "get,list,watch /configmaps extension-apiserver-authentication"
	readKey        = "get /secrets " + cluster.KeySecret
	readKeys       = readKey + ",realtime-register-api-key" // the usual Secret of each DNS host
	listChallenges = "list acme.cert-manager.io/challenges"
	useLeases      = "get,create,update,delete coordination.k8s.io/leases" // in the release's namespace
)

func (s *chartSuite) testPermissions(t *testing.T) {
	t.Parallel()
	const namespace, group = "permissions", "acme.permissions.example"
	release := s.chart(namespace, "my", group, "metrics.podMonitor.enabled=true")
	s.requireInstalled(t, release, group)

	t.Run("webhook: listed Secrets, Challenges, and the needs of an API server", func(t *testing.T) {
		t.Parallel()
		s.requirePermissions(t, namespace, "my-mijn-host-webhook", func(in string) []string {
			switch in {
			case "cert-manager":
				return []string{reviewTokens, reviewAccess, listChallenges, readKeys}
			case "kube-system":
				return []string{reviewTokens, reviewAccess, listChallenges, readFrontProxy}
			case namespace:
				return []string{reviewTokens, reviewAccess, listChallenges, useLeases}
			default:
				return []string{reviewTokens, reviewAccess, listChallenges}
			}
		})
	})

	t.Run("scraper: only metrics", func(t *testing.T) {
		t.Parallel()
		s.requirePermissions(t, namespace, "my-mijn-host-webhook-metrics", func(string) []string { return []string{"get /metrics"} })
	})

	t.Run("everything else is forbidden", func(t *testing.T) {
		t.Parallel()
		s.requireForbidden(t, clientset(t, s.token(t, namespace, "my-mijn-host-webhook")))
	})

	t.Run("only cert-manager may create ChallengePayloads", func(t *testing.T) {
		t.Parallel()
		s.requireOnlyCertManager(t, group)
	})
}

// testSecretsElsewhere needs only the roles, so its release has no pods.
func (s *chartSuite) testSecretsElsewhere(t *testing.T) {
	t.Parallel()
	const one, two = "elsewhere-one", "elsewhere-two"
	s.requireNamespaces(t, one, two)
	t.Run("some", func(t *testing.T) {
		t.Parallel()
		release := s.chart("elsewhere-some", "my", "acme.some.example", "replicaCount=0",
			fmt.Sprintf(`secrets.namespaces={%q: [%q], %q: ["a", "b"]}`, one, cluster.KeySecret, two), "secrets.names=[]")
		s.requireHelm(t, "install", release, "--create-namespace")
		s.requirePermissions(t, release.Namespace, "my-mijn-host-webhook", func(in string) []string {
			switch in {
			case one:
				return []string{reviewTokens, reviewAccess, listChallenges, readKey}
			case two:
				return []string{reviewTokens, reviewAccess, listChallenges, "get /secrets a,b"}
			case release.Namespace:
				return []string{reviewTokens, reviewAccess, listChallenges, useLeases}
			case "kube-system":
				return []string{reviewTokens, reviewAccess, listChallenges, readFrontProxy}
			default:
				return []string{reviewTokens, reviewAccess, listChallenges}
			}
		})
	})
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		release := s.chart("elsewhere-all", "my", "acme.all.example", "replicaCount=0", "secrets.allNamespaces=true")
		s.requireHelm(t, "install", release, "--create-namespace")
		s.requirePermissions(t, release.Namespace, "my-mijn-host-webhook", func(in string) []string {
			everywhere := []string{reviewTokens, reviewAccess, listChallenges, "get /secrets"}
			switch in {
			case "kube-system":
				return append(everywhere, readFrontProxy)
			case release.Namespace:
				return append(everywhere, useLeases)
			default:
				return everywhere
			}
		})
	})
}

// token returns a client with a ServiceAccount's token.
func (s *chartSuite) token(t *testing.T, namespace, account string) *rest.Config {
	t.Helper()
	config := s.config(t)
	answer, err := clientset(t, config).CoreV1().ServiceAccounts(namespace).
		CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config = rest.AnonymousClientConfig(config)
	config.BearerToken = answer.Status.Token
	return config
}

// requirePermissions compares the permissions of an account in each namespace, apart from those that every account has.
func (s *chartSuite) requirePermissions(t *testing.T, namespace, account string, want func(in string) []string) {
	t.Helper()
	own, common := clientset(t, s.token(t, namespace, account)), clientset(t, s.token(t, "default", "default"))
	var namespaces corev1.NamespaceList
	if err := s.Client.List(t.Context(), &namespaces); err != nil {
		t.Fatal(err)
	}
	for _, in := range namespaces.Items {
		may := permissions(t, own, in.Name)
		maps.DeleteFunc(may, func(one string, _ bool) bool { return permissions(t, common, in.Name)[one] })
		got, want := slices.Sorted(maps.Keys(may)), slices.Sorted(slices.Values(want(in.Name)))
		if !slices.Equal(got, want) {
			t.Errorf("permissions in %s:\n%s\nwant\n%s", in.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func permissions(t *testing.T, caller kubernetes.Interface, in string) map[string]bool {
	t.Helper()
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: in}}
	review, err := caller.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if review.Status.Incomplete {
		t.Fatalf("incomplete list of permissions: %s", review.Status.EvaluationError)
	}
	may := map[string]bool{}
	add := func(parts ...string) { may[strings.TrimSpace(strings.Join(parts, ""))] = true }
	for _, rule := range review.Status.ResourceRules {
		names := " " + strings.Join(slices.Sorted(slices.Values(rule.ResourceNames)), ",")
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				add(strings.Join(rule.Verbs, ","), " ", group, "/", resource, names)
			}
		}
	}
	for _, rule := range review.Status.NonResourceRules {
		for _, path := range rule.NonResourceURLs {
			add(strings.Join(rule.Verbs, ","), " ", path)
		}
	}
	return may
}

// requireForbidden checks that reading the listed Secret works, and that similar requests are forbidden.
func (s *chartSuite) requireForbidden(t *testing.T, webhook kubernetes.Interface) {
	t.Helper()
	s.create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "cert-manager", Name: "not-listed"}})
	ctx, secrets := t.Context(), webhook.CoreV1().Secrets("cert-manager")
	if _, err := secrets.Get(ctx, cluster.KeySecret, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	for what, try := range map[string]func() error{
		"get another Secret": func() error {
			_, err := secrets.Get(ctx, "not-listed", metav1.GetOptions{})
			return err
		},
		"get the Secret in another namespace": func() error {
			_, err := webhook.CoreV1().Secrets("default").Get(ctx, cluster.KeySecret, metav1.GetOptions{})
			return err
		},
		"list all Secrets": func() error {
			_, err := secrets.List(ctx, metav1.ListOptions{})
			return err
		},
		"list the Secret by name": func() error {
			_, err := secrets.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + cluster.KeySecret})
			return err
		},
		"watch the Secret": func() error {
			_, err := secrets.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + cluster.KeySecret})
			return err
		},
		"update the Secret": func() error {
			_, err := secrets.Update(ctx, cluster.NewKeySecret("cert-manager", "another"), metav1.UpdateOptions{})
			return err
		},
		"delete the Secret": func() error { return secrets.Delete(ctx, cluster.KeySecret, metav1.DeleteOptions{}) },
		"create a Secret": func() error {
			_, err := secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, metav1.CreateOptions{})
			return err
		},
		"get a ConfigMap": func() error {
			_, err := webhook.CoreV1().ConfigMaps("cert-manager").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
			return err
		},
		"create a token": func() error {
			_, err := webhook.CoreV1().ServiceAccounts("cert-manager").
				CreateToken(ctx, "cert-manager", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
			return err
		},
	} {
		if err := try(); !apierrors.IsForbidden(err) {
			t.Errorf("%s: got error %v, want forbidden", what, err)
		}
	}
}

// requireOnlyCertManager checks every account of the cluster, and users without an account.
func (s *chartSuite) requireOnlyCertManager(t *testing.T, group string) {
	t.Helper()
	var accounts corev1.ServiceAccountList
	if err := s.Client.List(t.Context(), &accounts); err != nil {
		t.Fatal(err)
	}
	users := map[string][]string{
		"system:anonymous": {"system:unauthenticated"},
		"a-user":           {"system:authenticated"},
	}
	for _, account := range accounts.Items {
		users["system:serviceaccount:"+account.Namespace+":"+account.Name] = []string{
			"system:serviceaccounts", "system:serviceaccounts:" + account.Namespace, "system:authenticated",
		}
	}
	if len(users) < 20 {
		t.Errorf("got %d users, want at least 20", len(users))
	}
	for user, groups := range users {
		if got, want := s.mayAsk(t.Context(), t, user, groups, group, "create"), user == certManagerUser; got != want {
			t.Errorf("%s may create ChallengePayloads: got %t, want %t", user, got, want)
		}
	}
	for _, verb := range []string{"get", "list", "watch", "update", "patch", "delete"} {
		if s.mayAsk(t.Context(), t, certManagerUser, users[certManagerUser], group, verb) {
			t.Errorf("cert-manager may %s ChallengePayloads, want only create", verb)
		}
	}

	const domain = "asked.nl"
	s.addDomain(chartKey, domain)
	for _, action := range []acme.ChallengeAction{acme.ChallengeActionPresent, acme.ChallengeActionCleanUp} {
		if err := cluster.Ask(t.Context(), s.as(t, certManagerUser), group, domain, action); err != nil {
			t.Error(err)
		}
		for _, user := range []string{"system:serviceaccount:permissions:my-mijn-host-webhook", "system:serviceaccount:cert-manager:default"} {
			if err := cluster.Ask(t.Context(), s.as(t, user), group, domain, action); !apierrors.IsForbidden(err) {
				t.Errorf("%s %s: got error %v, want forbidden", user, action, err)
			}
		}
	}
}

func (s *chartSuite) mayAsk(ctx context.Context, t *testing.T, user string, groups []string, group, verb string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Version: "v1alpha1", Resource: "mijn-host"},
	}}
	if err := s.Client.Create(ctx, review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}
