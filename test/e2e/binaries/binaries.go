// Package binaries builds every program that a cluster is made of, from Go modules alone.
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

// Set is where the programs are, and what else their modules hold.
type Set struct {
	// Root is the repository's directory.
	Root string
	// CertManagerChart is the directory of cert-manager's own chart.
	CertManagerChart string
	// CertManagerVersion is the version of cert-manager.
	CertManagerVersion string
	// KubernetesVersion is the version of the API server, its controllers and kubectl.
	KubernetesVersion string
	elsewhere         map[string]string // The files of the programs that are not in Dir.
}

// Dir is where the programs are.
func (s Set) Dir() string { return filepath.Join(s.Root, ".cache", "bin") }

// Path is the file of a program.
func (s Set) Path(program string) string {
	if file, ok := s.elsewhere[program]; ok {
		return file
	}
	return filepath.Join(s.Dir(), program)
}

// Locate finds the repository and the modules, but builds nothing. The working directory must be in this module. The
// environment variable WEBHOOK_BINARY names another webhook to run than that of the repository, such as an image's.
func Locate(ctx context.Context) (Set, error) {
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

// Build leaves every program in Dir. The first time takes minutes; when nothing has changed, about a second.
func Build(ctx context.Context) (Set, error) { return BuildTelling(ctx, func(int, int) {}) }

// BuildTelling is Build, and tells how far it is.
func BuildTelling(ctx context.Context, tell Progress) (Set, error) {
	set, err := Locate(ctx)
	if err != nil {
		return Set{}, err
	}
	unlock, err := set.lock()
	if err != nil {
		return Set{}, err
	}
	defer unlock()
	if err = set.buildAll(ctx, tell); err != nil {
		return Set{}, err
	}
	if wanted := os.Getenv(otherCertManager); wanted != "" {
		if set, err = set.buildCertManager(ctx, wanted); err != nil {
			return Set{}, err
		}
	}
	if wanted := os.Getenv(otherKubernetes); wanted != "" {
		if set, err = set.buildKubernetes(ctx, wanted); err != nil {
			return Set{}, err
		}
	}
	return set, nil
}

// buildAll builds one module after the other: at once, they would both compile what they have in common.
func (s Set) buildAll(ctx context.Context, tell Progress) error {
	packages := []string{"./cmd/cluster", pebbleCommand, helmCommand}
	counter := &progress{rest: os.Stderr}
	reporting, stop := context.WithCancel(ctx)
	reporter := new(sync.WaitGroup)
	reporter.Go(func() {
		counter.report(reporting, tell, func(ctx context.Context) (int, error) { return s.stale(ctx, module, packages) })
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

// stale is the number of packages that a build would compile.
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

// nameAll gives a file that is several programs the name of each, beside it. A link that is symbolic would not do: the
// programs that run are told apart by the files that they were started from.
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

// removeOld removes a file, if it is there.
func removeOld(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// takeFrom makes Path lead to a directory's programs of these names.
func (s Set) takeFrom(dir string, programs []string) {
	for _, program := range programs {
		s.elsewhere[program] = filepath.Join(dir, program)
	}
}

// linkerFlags tell Kubernetes its version, which it would not know otherwise; Helm and the charts ask for it.
func (s Set) linkerFlags() string {
	const version = "k8s.io/component-base/version."
	numbers := strings.SplitN(strings.TrimPrefix(s.KubernetesVersion, "v"), ".", 3)
	return fmt.Sprintf("-s -w -X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s",
		version, s.KubernetesVersion, numbers[0], numbers[1])
}

// lock keeps two builds from writing the same file at once, until the returned function is called.
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

// goBuild builds as GoBuild does, and does not care what Go says as long as it succeeds.
func (s Set) goBuild(ctx context.Context, dir string, args ...string) error {
	return s.GoBuild(ctx, os.Stderr, dir, args...)
}

// GoBuild builds with the flags of the root Makefile, so that whatever the two have in common is built once. What Go and
// the linker say goes to messages.
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

// buildGOGC makes the compiler and the linker collect less garbage than usual, for a quarter less time and more memory.
const buildGOGC = "400"

// goFlags are the flags of Go that the Makefile sets.
func (s Set) goFlags() (string, error) {
	makefile, err := os.ReadFile(filepath.Join(s.Root, "Makefile"))
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^export GOFLAGS *:= *(.+)$`).FindSubmatch(makefile)
	if found == nil {
		return "", errors.New("the Makefile sets no GOFLAGS")
	}
	return string(found[1]), nil
}

// goCommand runs go and returns what it prints.
func (s Set) goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	output, err := s.command(ctx, dir, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return output, nil
}

// command is go in a directory of the repository, or where the caller is as long as that is not known. It links beside
// the programs and then renames, so that nobody ever starts half a program.
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
