package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// testHelm3 takes a release through its life cycle with Helm 3. Helm 3 patches objects on the client side; Helm 4 uses
// server-side apply, except for a release that was installed with Helm 3.
func (s *chartSuite) testHelm3(t *testing.T) {
	t.Parallel()
	const name, group = "veteran", "acme.vet.example" // no other object contains this name
	s.requireNamespaces(t, name)
	s.requireNoObjectsOf(t, name)
	three := s.withHelm3(t)
	release := s.chart(name, name, group)
	three.requireInstalled(t, release, group)
	s.requireSearchFinds(t, release)
	installed := s.deployment(t, release)
	s.requireServes(t, group, "vet-installed.nl")

	changed := release
	changed.Values = append(slices.Clone(release.Values), `logging.format="json"`)
	three.requireHelm(t, "upgrade", changed, "--wait")
	if args := s.deployment(t, changed).Spec.Template.Spec.Containers[0].Args; !slices.Contains(args, "--logging-format=json") {
		t.Errorf("the upgrade did not change the arguments %q", args)
	}
	three.requireHelmSource(t, changed, group)
	three.requireCertManagerSource(t, changed, group)

	if _, err := three.Helm(withLimit(t, time.Minute), "rollback", name, "1", "--namespace="+name, "--wait"); err != nil {
		t.Fatal(err)
	}
	if back := s.deployment(t, release); back.Spec.Template.String() != installed.Spec.Template.String() {
		t.Errorf("pod template differs after rollback:\n%v\n%v", installed.Spec.Template, back.Spec.Template)
	}

	s.requireHelmSource(t, release, group)
	s.requireCertManagerSource(t, release, group)
	s.requireServes(t, group, "vet-back.nl")

	if _, err := three.Helm(withLimit(t, time.Minute), "uninstall", name, "--namespace="+name, "--wait"); err != nil {
		t.Fatal(err)
	}
	s.requireNoObjectsOf(t, name)
}

// withHelm3 returns the same suite with Helm 3, which `make` builds separately.
func (s *chartSuite) withHelm3(t *testing.T) *chartSuite {
	t.Helper()
	program := s.Program("helm3")
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("Helm 3 not found: run `make .cache/bin/helm3`")
	} else if err != nil {
		t.Fatal(err)
	}
	return &chartSuite{suite: s.suite, helm3: program}
}

// Helm runs the cluster's Helm 4, or Helm 3 if selected.
func (s *chartSuite) Helm(ctx context.Context, args ...string) (string, error) {
	if s.helm3 == "" {
		return s.suite.Helm(ctx, args...)
	}
	cmd := exec.CommandContext(ctx, s.helm3, args...)
	cmd.Env = []string{"KUBECONFIG=" + s.Kubeconfig(), "HOME=" + filepath.Join(s.Dir, "helm3")}
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("helm3 %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}
