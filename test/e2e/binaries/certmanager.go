package binaries

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/util/version"
)

// otherCertManager is the environment variable that selects another cert-manager version than the one in go.mod. It
// applies to the programs, the chart and the CRDs in the cluster. The webhook and the tests keep the version in go.mod.
const otherCertManager = "CERT_MANAGER"

// module is the directory of this module.
const module = "test/e2e"

func certManagerPrograms() []string {
	return []string{"cert-manager-controller", "cert-manager-cainjector", "cert-manager-webhook"}
}

// CertManagerBefore reports whether cert-manager is older than 1.minor.
func (s Set) CertManagerBefore(minor uint) bool {
	return version.MustParseSemantic(s.CertManagerVersion).LessThan(version.MajorMinor(1, minor))
}

// buildCertManager builds the programs with a copy of go.mod that requires another cert-manager, and returns a set with
// them and its chart. The copy omits the webhook and its documentation, which require a newer cert-manager and which the
// programs do not use.
func (s Set) buildCertManager(ctx context.Context, wanted string) (Set, error) {
	if _, err := version.ParseSemantic(wanted); err != nil {
		return Set{}, fmt.Errorf("%s: %w", otherCertManager, err)
	}
	s.CertManagerVersion = wanted
	dir := filepath.Join(s.Root, ".cache", "cert-manager-"+wanted)
	modfile, err := s.copyModule(ctx, dir)
	if err != nil {
		return Set{}, err
	}
	program := filepath.Join(dir, "cert-manager")
	args := []string{"-mod=mod", "-modfile=" + modfile, "-ldflags=-s -w", "-o", program}
	if s.CertManagerBefore(21) {
		args = append(args, "-tags=grpcnotrace,before_1_21")
	}
	if err = s.goBuild(ctx, module, append(args, "./cmd/cert-manager")...); err != nil {
		return Set{}, err
	}
	if err = nameAll(program, certManagerPrograms()); err != nil {
		return Set{}, err
	}
	source, err := s.goCommand(ctx, module, "list", "-mod=mod", "-modfile="+modfile, "-m", "-f={{.Dir}}", certManagerModule)
	if err != nil {
		return Set{}, err
	}
	s.takeFrom(dir, certManagerPrograms())
	s.CertManagerChart = filepath.Join(dir, "chart")
	return s, s.copyChart(chartIn(string(bytes.TrimSpace(source))))
}

// copyModule writes the copy of go.mod to dir and returns its path. Go looks for go.sum beside it and adds what is missing.
func (s Set) copyModule(ctx context.Context, dir string) (modfile string, err error) {
	edited, err := s.goCommand(ctx, module, "mod", "edit", "-print",
		"-require="+certManagerModule+"@"+s.CertManagerVersion,
		"-droprequire="+productModule, "-dropreplace="+productModule, "-droprequire="+docsModule, "-dropreplace="+docsModule)
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(s.Root, module, "go.sum"))
	if err != nil {
		return "", err
	}
	modfile = filepath.Join(dir, "e2e.mod")
	return modfile, errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(modfile, edited, 0o600),
		os.WriteFile(filepath.Join(dir, "e2e.sum"), sums, 0o600),
	)
}

// copyChart copies the chart from a module. Before 1.21 the module has no Chart.yaml, so it adds one.
func (s Set) copyChart(from string) error {
	if err := os.RemoveAll(s.CertManagerChart); err != nil {
		return err
	}
	if err := os.CopyFS(s.CertManagerChart, os.DirFS(from)); err != nil {
		return err
	}
	if !s.CertManagerBefore(21) {
		return nil
	}
	return os.Rename(filepath.Join(s.CertManagerChart, "Chart.template.yaml"), filepath.Join(s.CertManagerChart, "Chart.yaml"))
}

func chartIn(dir string) string {
	return filepath.Join(dir, "deploy", "charts", "cert-manager")
}
