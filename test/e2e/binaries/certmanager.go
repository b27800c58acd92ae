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

// otherCertManager is the environment variable with which a cluster gets another cert-manager than the one in go.mod, by
// version. Only what runs in the cluster is another one: programs, chart and CRDs. The webhook and the tests stay.
const otherCertManager = "CERT_MANAGER"

// module is the directory of this one.
const module = "test/e2e"

func certManagerPrograms() []string {
	return []string{"cert-manager-controller", "cert-manager-cainjector", "cert-manager-webhook"}
}

// CertManagerBefore says whether cert-manager is older than 1.minor.
func (s Set) CertManagerBefore(minor uint) bool {
	return version.MustParseSemantic(s.CertManagerVersion).LessThan(version.MajorMinor(1, minor))
}

// buildCertManager builds the programs with a copy of go.mod that differs in the version of cert-manager, and returns a
// set that has them and the chart. The copy leaves out the webhook and its documentation, which would ask for a newer
// cert-manager; the programs have nothing to do with them.
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

// copyModule returns the copy of go.mod in dir. That of go.sum lies beside it, where Go looks for it and adds what it misses.
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

// copyChart makes a chart of the one in a module, which before 1.21 is none yet for want of its Chart.yaml.
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
