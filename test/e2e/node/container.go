package node

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// Back-off of restarts: none at first, then doubling. It resets after a long run.
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 10 * time.Second
)

type container struct {
	spec    corev1.Container
	process *process.Process // nil while it is not running
	since   metav1.Time
	waiting error // why it could not start
	ended   *corev1.ContainerStateTerminated
	// stopProbes stops the probes of the current process.
	stopProbes context.CancelFunc
	// started and ready are the results of the probes.
	started, ready bool
	restarts       int32
	backOff        time.Duration
	notBefore      time.Time
}

func (c *container) mayStart(policy corev1.RestartPolicy) bool {
	return c.process == nil && !c.finished(policy) && !time.Now().Before(c.notBefore)
}

// finished reports whether the container has exited and must not restart.
func (c *container) finished(policy corev1.RestartPolicy) bool {
	if c.process != nil || c.ended == nil || policy == corev1.RestartPolicyAlways {
		return false
	}
	return policy == corev1.RestartPolicyNever || c.ended.ExitCode == 0
}

// stop sleeps as the container's preStop hook says, and then stops it within the rest of the grace period.
func (c *container) stop(running *process.Process, grace time.Duration) {
	if hook := c.spec.Lifecycle; hook != nil && hook.PreStop != nil && hook.PreStop.Sleep != nil {
		sleep := min(grace, time.Duration(hook.PreStop.Sleep.Seconds)*time.Second)
		select {
		case <-time.After(sleep):
		case <-running.Exited():
		}
		grace -= sleep
	}
	running.Stop(grace)
}

func (c *container) kill() {
	if c.process != nil {
		c.stopProbes()
		c.process.Kill()
	}
}

func (p *pod) launch(ctx context.Context, c *container) error {
	spec, err := p.command(c)
	if err != nil {
		return err
	}
	running, err := process.Start(spec)
	if err != nil {
		return err
	}
	if c.ended != nil {
		c.restarts++
	}
	c.process, c.since = running, metav1.Now()
	probing, stop := context.WithCancel(ctx)
	c.stopProbes = stop
	go func() {
		<-running.Exited()
		stop()
		p.post(func() { p.exited(c, running.ExitCode()) })
	}()
	go p.probe(probing, c, running)
	return nil
}

func (p *pod) exited(c *container, code int) {
	reason := "Completed"
	if code != 0 {
		reason = "Error"
	}
	c.ended = &corev1.ContainerStateTerminated{
		ExitCode: int32(code), Reason: reason, StartedAt: c.since, FinishedAt: metav1.Now(),
		Message: process.Tail(p.logFile(c), 3),
	}
	if c.backOff = min(2*c.backOff, lastBackOff); c.backOff == 0 || time.Since(c.since.Time) > lastBackOff {
		c.backOff = firstBackOff
	}
	c.notBefore = time.Now().Add(c.backOff)
	c.process, c.started, c.ready = nil, false, false
	time.AfterFunc(c.backOff, func() { p.post(func() {}) })
}

func (p *pod) logFile(c *container) string { return filepath.Join(p.dir, c.spec.Name+".log") }

// command builds the process from the container's image, arguments and environment.
func (p *pod) command(c *container) (process.Spec, error) {
	if len(p.object.Spec.InitContainers) > 0 {
		return process.Spec{}, errors.New("init containers are not supported")
	}
	image, err := p.node.image(c.spec.Image)
	if err != nil {
		return process.Spec{}, err
	}
	environment, err := p.environment(c)
	if err != nil {
		return process.Spec{}, err
	}
	work := filepath.Join(p.dir, c.spec.Name)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return process.Spec{}, err
	}
	surroundings := Surroundings{Address: network.Loopback(p.address)}
	if i := slices.IndexFunc(c.spec.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == tokenDir }); i >= 0 {
		surroundings.Kubeconfig = filepath.Join(work, "kubeconfig")
		if err := p.node.writeKubeconfig(surroundings.Kubeconfig, p.volumeDir(c.spec.VolumeMounts[i].Name)); err != nil {
			return process.Spec{}, err
		}
	}

	lookUp := expansion.MappingFuncFor(environment)
	args := slices.Clone(c.spec.Args)
	if len(c.spec.Command) > 1 { // element 0 is the image's executable
		args = slices.Concat(c.spec.Command[1:], args)
	}
	for i, arg := range args {
		args[i] = p.outside(c, expansion.Expand(arg, lookUp))
	}
	spec := process.Spec{
		Path:    image.Executable,
		Args:    append(args, image.Flags(args, surroundings)...),
		Dir:     work,
		LogFile: p.logFile(c),
	}
	for name, value := range environment {
		spec.Env = append(spec.Env, name+"="+p.outside(c, value))
	}
	slices.Sort(spec.Env)
	return spec, nil
}

// outside replaces mount paths inside the container with the volumes' paths on this machine.
func (p *pod) outside(c *container, text string) string {
	mounts := slices.Clone(c.spec.VolumeMounts)
	slices.SortFunc(mounts, func(a, b corev1.VolumeMount) int { return len(b.MountPath) - len(a.MountPath) }) // innermost first
	for _, mount := range mounts {
		at := strings.Index(text, mount.MountPath)
		if at < 0 || at > 0 && !strings.ContainsRune("=,:", rune(text[at-1])) {
			continue
		}
		rest := text[at+len(mount.MountPath):]
		if rest == "" || strings.ContainsRune("/,:", rune(rest[0])) {
			return text[:at] + filepath.Join(p.volumeDir(mount.Name), mount.SubPath) + rest
		}
	}
	return text
}

func (p *pod) environment(c *container) (map[string]string, error) {
	api, err := url.Parse(p.node.options.Config.Host)
	if err != nil {
		return nil, err
	}
	environment := map[string]string{
		"PATH":                    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME":                p.object.Name,
		"KUBERNETES_SERVICE_HOST": api.Hostname(),
		"KUBERNETES_SERVICE_PORT": api.Port(),
	}
	for _, source := range c.spec.EnvFrom {
		content := payload{}
		switch {
		case source.SecretRef != nil:
			err = p.addSecret(content, source.SecretRef.Name, nil, source.SecretRef.Optional)
		case source.ConfigMapRef != nil:
			err = p.addConfigMap(content, source.ConfigMapRef.Name, nil, source.ConfigMapRef.Optional)
		}
		if err != nil {
			return nil, err
		}
		for name, value := range content {
			environment[source.Prefix+name] = string(value)
		}
	}
	for _, variable := range c.spec.Env {
		value, found, err := p.value(c, variable, environment)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", variable.Name, err)
		}
		if found {
			environment[variable.Name] = value
		}
	}
	return environment, nil
}

// value returns the value of a variable. found is false only for an optional reference to a missing object.
func (p *pod) value(c *container, variable corev1.EnvVar, before map[string]string) (value string, found bool, err error) {
	from := variable.ValueFrom
	if from == nil {
		return expansion.Expand(variable.Value, expansion.MappingFuncFor(before)), true, nil
	}
	content := payload{}
	switch {
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		err = p.addSecret(content, ref.Name, []corev1.KeyToPath{{Key: ref.Key, Path: variable.Name}}, ref.Optional)
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		err = p.addConfigMap(content, ref.Name, []corev1.KeyToPath{{Key: ref.Key, Path: variable.Name}}, ref.Optional)
	case from.FieldRef != nil:
		value, err = p.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		value, err = resource.ExtractResourceValueByContainerNameAndNodeAllocatable(
			from.ResourceFieldRef, p.object, c.spec.Name, allocatable())
		return value, true, err
	default:
		err = errors.New("unsupported source")
	}
	data, found := content[variable.Name]
	return string(data), found, err
}

// field returns a field of the pod. This node knows status fields before the API server does.
func (p *pod) field(path string) (string, error) {
	switch path {
	case "spec.nodeName":
		return Name, nil
	case "spec.serviceAccountName":
		return p.object.Spec.ServiceAccountName, nil
	case "status.podIP", "status.podIPs":
		return p.address, nil
	}
	return fieldpath.ExtractFieldPathAsString(p.object, path)
}

// port finds a probe's port by number or by name.
func (c *container) port(name string) (string, error) {
	if _, err := strconv.Atoi(name); err == nil {
		return name, nil
	}
	for _, port := range c.spec.Ports {
		if port.Name == name {
			return strconv.Itoa(int(port.ContainerPort)), nil
		}
	}
	return "", fmt.Errorf("port %q not found", name)
}
