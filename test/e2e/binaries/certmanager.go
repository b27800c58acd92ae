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

// withCertManager returns a set with another version of cert-manager.
func (s Set) withCertManager(wanted string) (Set, error) {
	if _, err := version.ParseSemantic(wanted); err != nil {
		return Set{}, fmt.Errorf("%s: %w", otherCertManager, err)
	}
	s.CertManagerVersion = wanted
	s.CertManagerChart = filepath.Join(s.certManagerDir(), "chart")
	s.takeFrom(s.certManagerDir(), certManagerPrograms())
	return s, nil
}

// certManagerDir is the directory of another version of cert-manager.
func (s Set) certManagerDir() string {
	return filepath.Join(s.Root, ".cache", "cert-manager-"+s.CertManagerVersion)
}

// buildCertManager builds the programs with a copy of go.mod that requires that version, and copies its chart. The copy of go.mod
// omits the webhook and its documentation, which require a newer cert-manager and which the programs do not use.
func (s Set) buildCertManager(ctx context.Context) error {
	dir := s.certManagerDir()
	modfile, err := s.copyModule(ctx, dir)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "cert-manager")
	args := []string{"-mod=mod", "-modfile=" + modfile, "-ldflags=-s -w", "-o", program}
	if s.CertManagerBefore(21) {
		args = append(args, "-tags=grpcnotrace,before_1_21")
	}
	if err = s.goBuild(ctx, module, append(args, "./cmd/cert-manager")...); err != nil {
		return err
	}
	if err = nameAll(program, certManagerPrograms()); err != nil {
		return err
	}
	source, err := s.goCommand(ctx, module, "list", "-mod=mod", "-modfile="+modfile, "-m", "-f={{.Dir}}", certManagerModule)
	if err != nil {
		return err
	}
	return s.copyChart(chartIn(string(bytes.TrimSpace(source))))
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
