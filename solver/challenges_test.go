package solver_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// connected returns Challenges connected to the world's cluster.
func (w world) connected() *solver.Challenges {
	w.Helper()
	challenges := &solver.Challenges{}
	w.newSolver(func(o *solver.Options) { o.Challenges = challenges })
	return challenges
}

// TestNeeded_States: a DNS-01 Challenge needs its value until it is finished or being deleted.
func TestNeeded_States(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := map[string]string{}
	for i, state := range []string{"", "pending", "processing", "ready", "unknown", "valid", "invalid", "expired", "errored"} {
		name := fmt.Sprintf("c%d", i)
		w.cluster.addChallenge(testChallenge{"team-a", name, "DNS-01", "value-" + name, state, false, false})
		if i < 5 {
			want["value-"+name] = "team-a/" + name
		}
	}
	w.cluster.addChallenge(testChallenge{"team-b", "deleted", "DNS-01", "value-of-a-deleted-one", "pending", true, false})
	w.cluster.addChallenge(testChallenge{"team-b", "http", "HTTP-01", "value-of-http", "pending", false, false})
	needed, err := w.connected().Needed(t.Context())
	if err != nil || needed.Unknown || !maps.Equal(needed.Owners, want) {
		t.Errorf("got %v, %v, want %v", needed, err, want)
	}
}

func TestNeeded_ManyPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 1201 {
		w.cluster.addChallenge(testChallenge{"team-a", fmt.Sprintf("c%d", i), "DNS-01", fmt.Sprintf("value-%d", i), "pending", false, false})
	}
	needed, err := w.connected().Needed(t.Context())
	if err != nil || len(needed.Owners) != 1201 {
		t.Errorf("got %d values, %v, want 1201", len(needed.Owners), err)
	}
}

func TestNeeded_Failures(t *testing.T) {
	t.Parallel()
	resource := schema.GroupResource{Group: "acme.cert-manager.io", Resource: "challenges"}
	for name, c := range map[string]struct {
		fault   *apierrors.StatusError
		unknown bool
		want    string
	}{
		"cert-manager is not installed": {apierrors.NewNotFound(resource, ""), false, ""},
		"forbidden":                     {apierrors.NewForbidden(resource, "", errors.New("no")), true, ""},
		"API server fails":              {apierrors.NewInternalError(errors.New("at 10:02")), false, "cannot list Challenges from the Kubernetes API"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			challenges := w.connected()
			w.cluster.fail(c.fault)
			needed, err := challenges.Needed(t.Context())
			if needed.Unknown != c.unknown || len(needed.Owners) > 0 || c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("got %v, %v, want unknown %v, error %q", needed, err, c.unknown, c.want)
			}
		})
	}
}

func TestNeeded_NotConnected(t *testing.T) {
	t.Parallel()
	if _, err := (&solver.Challenges{}).Needed(t.Context()); err == nil {
		t.Error("want an error")
	}
}

// The solvers of a process share one Challenges.
func TestChallenges_WarnsOnce(t *testing.T) { //nolint:paralleltest // klog has one output for the process
	const warning = `I "WARNING: Not allowed to list Challenges; using only this pod's memory to find out which TXT values other challenges need"`
	for name, c := range map[string]struct {
		status int
		want   []string
	}{
		"forbidden": {http.StatusForbidden, []string{warning}},
		"allowed":   {http.StatusOK, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := roundTripper(func(*http.Request) *http.Response {
					body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","reason":"Forbidden","code":%d}`, c.status)
					return &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
				})
				challenges := &solver.Challenges{}
				lines := allLogged(t, 0, func() {
					for range 2 {
						if err := solver.New(solver.Options{Challenges: challenges}).Initialize(&rest.Config{Host: "http://kubernetes", Transport: api}, nil); err != nil {
							t.Error(err)
						}
					}
					synctest.Wait()
				})
				if !slices.Equal(lines, c.want) {
					t.Errorf("got log lines %q, want %q", lines, c.want)
				}
			})
		})
	}
}

type roundTripper func(*http.Request) *http.Response

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// testChallenge has the fields of a Challenge that the webhook reads.
type testChallenge struct {
	namespace, name, kind, key, state string
	deleted, presented                bool
}

func (c *cluster) addChallenge(one testChallenge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.challenges = append(c.challenges, one)
}

// listChallenges returns a page, as the Kubernetes API does.
func (c *cluster) listChallenges(r *http.Request) map[string]any {
	var limit, from int
	_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	_, _ = fmt.Sscan(r.URL.Query().Get("continue"), &from)
	list := map[string]any{"kind": "ChallengeList", "apiVersion": "acme.cert-manager.io/v1"}
	end := min(from+limit, len(c.challenges))
	metadata := map[string]any{}
	if end < len(c.challenges) {
		metadata["continue"] = fmt.Sprint(end)
	}
	items := []any{}
	for _, one := range c.challenges[from:end] {
		object := map[string]any{"namespace": one.namespace, "name": one.name}
		if one.deleted {
			object["deletionTimestamp"] = "2026-11-26T10:00:00Z"
		}
		items = append(items, map[string]any{
			"metadata": object, "spec": map[string]any{"type": one.kind, "key": one.key}, "status": map[string]any{"state": one.state, "presented": one.presented},
		})
	}
	list["metadata"], list["items"] = metadata, items
	return list
}
