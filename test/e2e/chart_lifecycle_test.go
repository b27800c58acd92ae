package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// testLifecycle upgrades a release from the previous chart, changes values, rolls back and uninstalls, during a stream of
// challenges.
func (s *chartSuite) testLifecycle(t *testing.T) {
	t.Parallel()
	const name, group = "lifespan", "acme.life.example" // no other object contains this name
	s.requireNamespaces(t, name)
	s.requireNoObjectsOf(t, name)

	previous := s.chart(name, name, group)
	current := previous
	previous.Chart = s.previousChart(t)
	s.requireInstalled(t, previous, group)
	s.requireSearchFinds(t, previous)
	installed := s.deployment(t, previous)

	stop := s.keepCalling(t, group, "steady-life.nl")
	s.requireHelm(t, "upgrade", current, "--wait")
	if upgraded := s.deployment(t, current); image(upgraded) == image(installed) {
		t.Errorf("image after upgrade: still %s", image(upgraded))
	}
	s.requireServes(t, group, "life.nl")

	changed := current
	changed.Values = append(slices.Clone(current.Values), `logging.format="json"`, `secrets.namespaces={"default": ["other"]}`)
	s.requireHelm(t, "upgrade", changed, "--wait")
	if args := s.deployment(t, changed).Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--logging-format=json") {
		t.Errorf("the upgrade did not change the arguments %q", args)
	}

	if _, err := s.Helm(withLimit(t, time.Minute), "rollback", name, "1", "--namespace="+name, "--wait"); err != nil {
		t.Fatal(err)
	}
	if back := s.deployment(t, previous); back.Spec.Template.String() != installed.Spec.Template.String() {
		t.Errorf("pod template differs after rollback:\n%v\n%v", installed.Spec.Template, back.Spec.Template)
	}
	stop()

	if _, err := s.Helm(withLimit(t, time.Minute), "uninstall", name, "--namespace="+name, "--wait"); err != nil {
		t.Fatal(err)
	}
	s.requireNoObjectsOf(t, name)
}

// previousChart returns the package of the latest released chart. Before the first release, it packages the current chart with
// another version, and so another image, and one other default.
func (s *chartSuite) previousChart(t *testing.T) string {
	t.Helper()
	released, err := filepath.Glob(filepath.Join("testdata", "mijn-host-webhook-*.tgz"))
	if err != nil || len(released) > 1 {
		t.Fatalf("previous charts: %q, %v; want one", released, err)
	}
	if len(released) == 1 {
		return released[0]
	}
	dir := t.TempDir()
	chart := filepath.Join(dir, "mijn-host-webhook")
	if err = os.CopyFS(chart, os.DirFS(s.Webhook("").Chart)); err != nil {
		t.Fatal(err)
	}
	values := filepath.Join(chart, "values.yaml")
	text, err := os.ReadFile(values)
	if err != nil {
		t.Fatal(err)
	}
	earlier := strings.Replace(string(text), "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 45", 1)
	if earlier == string(text) {
		t.Fatal("default to change not found in values.yaml")
	}
	if err = os.WriteFile(values, []byte(earlier), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Helm(t.Context(), "package", chart, "--version=0.0.1", "--app-version=0.0.1", "--destination="+dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "mijn-host-webhook-0.0.1.tgz")
}

// deployment returns the Deployment of a release.
func (s *chartSuite) deployment(t *testing.T, release cluster.Release) *appsv1.Deployment {
	t.Helper()
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: release.Namespace, Name: release.Name + "-mijn-host-webhook"}
	if err := s.Client.Get(t.Context(), key, deployment); err != nil {
		t.Fatal(err)
	}
	return deployment
}

func image(deployment *appsv1.Deployment) string {
	return deployment.Spec.Template.Spec.Containers[0].Image
}

// requireNoObjectsOf waits until no object in the cluster contains a release's name, except Leases, whose process is gone.
func (s *chartSuite) requireNoObjectsOf(t *testing.T, release string) {
	t.Helper()
	if err := cluster.Poll(withLimit(t, 30*time.Second), time.Second, func(ctx context.Context) error {
		left, err := s.objectsContaining(ctx, t, release)
		left = slices.DeleteFunc(left, func(object string) bool { return strings.HasPrefix(object, "Lease ") })
		if err != nil || len(left) > 0 {
			return errors.Join(err, fmt.Errorf("objects left: %q", left))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// requireSearchFinds proves that the search of requireNoObjectsOf finds all objects of a release.
func (s *chartSuite) requireSearchFinds(t *testing.T, release cluster.Release) {
	t.Helper()
	found, err := s.objectsContaining(t.Context(), t, release.Name)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(s.requireKubectl(t, s.manifest(t, release), "get", "--filename=-", "--output=name"))
	if len(names) < 10 {
		t.Errorf("got %d objects, want at least 10: %q", len(names), names)
	}
	for _, name := range names {
		if !slices.ContainsFunc(found, func(object string) bool { return strings.HasSuffix(object, " "+name[strings.Index(name, "/")+1:]) }) {
			t.Errorf("%s not found among %q", name, found)
		}
	}
}

func (s *chartSuite) manifest(t *testing.T, release cluster.Release) string {
	t.Helper()
	manifest, err := s.Helm(t.Context(), "get", "manifest", release.Name, "--namespace="+release.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

// objectsContaining lists all objects in the cluster that contain a word, except events, a namespace of that name, and the
// objects that every namespace has.
func (s *chartSuite) objectsContaining(ctx context.Context, t *testing.T, word string) ([]string, error) {
	t.Helper()
	config := s.config(t)
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	lists, err := clientset(t, config).Discovery().ServerPreferredResources()
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) { // webhooks of other tests come and go
		return nil, err
	}
	var found []string
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			if resource.Kind == "Event" || !slices.Contains(resource.Verbs, "list") {
				continue
			}
			all, err := objects.Resource(version.WithResource(resource.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", resource.Name, err)
			}
			for _, object := range all.Items {
				text, err := object.MarshalJSON()
				if err != nil {
					return nil, err
				}
				kind, name := object.GetKind(), object.GetName()
				ofEachNamespace := kind == "Namespace" && name == word ||
					kind == "ServiceAccount" && name == "default" || kind == "ConfigMap" && name == "kube-root-ca.crt"
				if strings.Contains(string(text), word) && !ofEachNamespace {
					found = append(found, kind+" "+object.GetNamespace()+" "+name)
				}
			}
		}
	}
	return found, nil
}
