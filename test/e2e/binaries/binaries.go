// Package binaries builds every program of a cluster from Go modules.
package binaries

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

const (
	productModule     = "github.com/mijn-host-webhook/cert-manager-webhook-mijn-host"
	docsModule        = productModule + "/test/docs"
	kubernetesModule  = "k8s.io/kubernetes"
	certManagerModule = "github.com/cert-manager/cert-manager"
	pebbleCommand     = "github.com/letsencrypt/pebble/v2/cmd/pebble"
	helmCommand       = "helm.sh/helm/v4/cmd/helm"
)

// Set locates the programs, and other files from their modules.
type Set struct {
	// Root is the repository's directory.
	Root string
	// CertManagerChart is the directory of cert-manager's Helm chart.
	CertManagerChart string
	// CertManagerVersion is the version of cert-manager.
	CertManagerVersion string
	// KubernetesVersion is the version of the API server, its controllers and kubectl.
	KubernetesVersion string
	elsewhere         map[string]string // Paths of programs that are not in Dir.
}

// Dir returns the directory of the programs.
func (s Set) Dir() string { return filepath.Join(s.Root, ".cache", "bin") }

// Path returns the path of a program.
func (s Set) Path(program string) string {
	if file, ok := s.elsewhere[program]; ok {
		return file
	}
	return filepath.Join(s.Dir(), program)
}

// Locate finds the programs that Build builds. The working directory must be in this module.
// The environment variable WEBHOOK_BINARY selects another webhook binary, such as one taken from an image.
func Locate(ctx context.Context) (Set, error) {
	set, err := locateModules(ctx)
	if err != nil {
		return Set{}, err
	}
	return set.otherVersions()
}

// otherVersions returns a set with the versions that the environment selects.
func (s Set) otherVersions() (Set, error) {
	var err error
	if wanted := os.Getenv(otherCertManager); wanted != "" {
		if s, err = s.withCertManager(wanted); err != nil {
			return Set{}, err
		}
	}
	if wanted := os.Getenv(otherKubernetes); wanted != "" {
		if s, err = s.withKubernetes(wanted); err != nil {
			return Set{}, err
		}
	}
	return s, nil
}

// locateModules returns a set of the versions in go.mod.
func locateModules(ctx context.Context) (Set, error) {
	modules := map[string]struct{ Dir, Version string }{}
	output, err := Set{}.goCommand(ctx, "", "list", "-m", "-json=Path,Dir,Version", productModule, kubernetesModule, certManagerModule)
	if err != nil {
		return Set{}, err
	}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var module struct{ Path, Dir, Version string }
		if err := decoder.Decode(&module); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Set{}, err
		}
		modules[module.Path] = struct{ Dir, Version string }{module.Dir, module.Version}
	}
	elsewhere := map[string]string{}
	if file := os.Getenv("WEBHOOK_BINARY"); file != "" {
		elsewhere["webhook"] = file
	}
	return Set{
		Root:               modules[productModule].Dir,
		CertManagerChart:   chartIn(modules[certManagerModule].Dir),
		CertManagerVersion: modules[certManagerModule].Version,
		KubernetesVersion:  modules[kubernetesModule].Version,
		elsewhere:          elsewhere,
	}, nil
}

// Build builds every program. The first build takes minutes; a build without changes takes about a second.
func Build(ctx context.Context, onProgress Progress) error {
	inModules, err := locateModules(ctx)
	if err != nil {
		return err
	}
	set, err := inModules.otherVersions()
	if err != nil {
		return err
	}
	unlock, err := set.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := inModules.buildAll(ctx, onProgress); err != nil {
		return err
	}
	if os.Getenv(otherCertManager) != "" {
		if err := set.buildCertManager(ctx); err != nil {
			return err
		}
	}
	if os.Getenv(otherKubernetes) != "" {
		return set.buildKubernetes(ctx)
	}
	return nil
}

// buildAll builds the modules one after another: in parallel, they would compile shared packages twice.
func (s Set) buildAll(ctx context.Context, onProgress Progress) error {
	packages := []string{"./cmd/cluster", pebbleCommand, helmCommand}
	counter := &progress{rest: os.Stderr}
	reporting, stop := context.WithCancel(ctx)
	reporter := new(sync.WaitGroup)
	reporter.Go(func() {
		counter.report(reporting, onProgress, func(ctx context.Context) (int, error) { return s.stale(ctx, module, packages) })
	})
	err := s.GoBuild(ctx, counter, module, append([]string{"-v", "-ldflags=" + s.linkerFlags(), "-o", s.Dir() + "/"}, packages...)...)
	stop()
	reporter.Wait()
	if err != nil {
		return err
	}
	if err := s.goBuild(ctx, ".", "-ldflags=-s -w", "-o", filepath.Join(s.Dir(), "webhook"), "."); err != nil {
		return err
	}
	return nameAll(filepath.Join(s.Dir(), "cluster"), slices.Concat([]string{"etcd"}, kubernetesPrograms(), certManagerPrograms()))
}

// stale returns the number of packages that a build would compile.
func (s Set) stale(ctx context.Context, dir string, packages []string) (int, error) {
	flags, err := s.goFlags()
	if err != nil {
		return 0, err
	}
	cmd := s.command(ctx, dir, append([]string{"list", "-deps", "-f={{if .Stale}}{{.ImportPath}}{{end}}"}, packages...)...)
	cmd.Env = append(cmd.Env, "GOFLAGS="+flags)
	output, err := cmd.Output()
	return bytes.Count(output, []byte{'\n'}), err
}

// nameAll hard-links a multi-call binary under the name of each of its programs. Symbolic links do not work, because tests
// identify running programs by the path of their executable.
func nameAll(file string, programs []string) error {
	for _, program := range programs {
		path := filepath.Join(filepath.Dir(file), program)
		if sameFile(file, path) {
			continue
		}
		fresh := path + ".new"
		if err := errors.Join(removeOld(fresh), os.Link(file, fresh), os.Rename(fresh, path)); err != nil {
			return err
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// removeOld removes a file if it exists.
func removeOld(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// takeFrom makes Path return the files in dir for these programs.
func (s Set) takeFrom(dir string, programs []string) {
	for _, program := range programs {
		s.elsewhere[program] = filepath.Join(dir, program)
	}
}

// linkerFlags set the Kubernetes version, which Helm and the charts query.
func (s Set) linkerFlags() string {
	const version = "k8s.io/component-base/version."
	numbers := strings.SplitN(strings.TrimPrefix(s.KubernetesVersion, "v"), ".", 3)
	return fmt.Sprintf("-s -w -X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		version, s.KubernetesVersion, numbers[0], numbers[1])
}

// lock prevents two builds from writing the same file until the returned function is called.
func (s Set) lock() (func(), error) {
	for _, dir := range []string{s.Dir(), s.tmp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(filepath.Join(s.Dir(), ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// goBuild is GoBuild without its output, except on failure.
func (s Set) goBuild(ctx context.Context, dir string, args ...string) error {
	return s.GoBuild(ctx, os.Stderr, dir, args...)
}

// GoBuild builds with the flags of the root Makefile, so that Go compiles shared packages once. Go and the linker write to
// messages.
func (s Set) GoBuild(ctx context.Context, messages io.Writer, dir string, args ...string) error {
	flags, err := s.goFlags()
	if err != nil {
		return err
	}
	cmd := s.command(ctx, dir, append([]string{"build"}, args...)...)
	cmd.Env = append(cmd.Env, "GOFLAGS="+flags, "GOGC="+buildGOGC)
	cmd.Stderr = messages
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}

// buildGOGC makes the compiler and linker collect less garbage: 25% less time for more memory.
const buildGOGC = "400"

// goFlags returns the GOFLAGS of the Makefile.
func (s Set) goFlags() (string, error) {
	makefile, err := os.ReadFile(filepath.Join(s.Root, "Makefile"))
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^export GOFLAGS *:= *(.+)$`).FindSubmatch(makefile)
	if found == nil {
		return "", errors.New("GOFLAGS not found in Makefile")
	}
	return string(found[1]), nil
}

// goCommand runs go and returns its output.
func (s Set) goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	output, err := s.command(ctx, dir, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return output, nil
}

// command returns a go command that runs in a directory of the repository, or in the current one while the repository is
// unknown. Go links next to the programs and then renames, so that no partly written program ever starts.
func (s Set) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if s.Root != "" {
		cmd.Dir = filepath.Join(s.Root, dir)
		cmd.Env = append(cmd.Env, "GOTMPDIR="+s.tmp())
	}
	cmd.Stderr = os.Stderr
	return cmd
}

func (s Set) tmp() string { return filepath.Join(s.Root, ".cache", "tmp") }
