// Package kubelet runs real nodes on one machine: containerd, kubelet and kube-proxy. It needs root, and its own mount,
// network and PID namespaces, which `make node-test` creates.
package kubelet

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/controlplane"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// ControlPlane is the address of everything that is not a node.
const ControlPlane = "10.200.0.1"

const (
	bridge     = "nodes"
	pauseImage = "localhost/pause:1"
)

//go:embed node.sh
var script string

// Options of a node.
type Options struct {
	// Dir is the directory for files of all nodes.
	Dir string
	// Number, from 1, determines its name and addresses.
	Number int
	// ControlPlane is the control plane to join.
	ControlPlane *controlplane.ControlPlane
	// ControlGroup is the parent of the node's cgroup. The caller removes it.
	ControlGroup string
	// Archives of images to import; the node cannot pull images.
	Archives []string
}

// Node is a running node.
type Node struct {
	// Name in the cluster.
	Name string
	// Address in the network of the nodes.
	Address string

	dir     string
	process *process.Process
}

// Connect creates the nodes' network, with the caller as the control plane's machine.
func Connect(ctx context.Context) error {
	return run(ctx,
		"ip link set lo up",
		"ip link add "+bridge+" type bridge",
		"ip address add "+ControlPlane+"/24 dev "+bridge,
		"ip link set "+bridge+" up",
		// kube-proxy rewrites cluster IPs, but a route must exist first.
		"ip route add "+strings.Split(network.ServiceRange, ",")[0]+" dev "+bridge,
		"mkdir -p /run/netns",
		"mount -t tmpfs nodes /run/netns", // leaves nothing behind
	)
}

// StartProxy runs kube-proxy on the control plane's machine. A Node of that name must exist.
func StartProxy(set binaries.Set, dir, name string, controlPlane *controlplane.ControlPlane) (*process.Process, error) {
	kubeconfig, err := controlPlane.LogIn("system:kube-proxy")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "kube-proxy.yaml")
	if err := writeFiles(map[string]string{config: fmt.Sprintf(proxyConfig, ControlPlane, kubeconfig)}); err != nil {
		return nil, err
	}
	return process.Start(process.Spec{
		Path: set.Path("kube-proxy"), Args: []string{"--config=" + config, "--hostname-override=" + name},
		Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: dir, LogFile: filepath.Join(dir, "kube-proxy.log"),
	})
}

// Start starts the node, and returns before it is Ready.
func Start(ctx context.Context, set binaries.Set, options Options) (*Node, error) {
	name := fmt.Sprintf("node-%d", options.Number)
	n := &Node{
		Name:    name,
		Address: fmt.Sprintf("10.200.0.%d", 10+options.Number),
		dir:     filepath.Join(options.Dir, name),
	}
	pods := fmt.Sprintf("10.201.%d.0/24", options.Number)
	group := filepath.Join(options.ControlGroup, name)
	if err := errors.Join(n.configure(options, pods, group), makeControlGroup(group)); err != nil {
		return nil, err
	}
	if err := run(ctx,
		"ip netns add "+name,
		"ip link add "+name+" type veth peer name eth0 netns "+name,
		"ip link set "+name+" master "+bridge+" up",
		"ip route add "+pods+" via "+n.Address,
	); err != nil {
		return nil, err
	}
	kubeconfig, err := options.ControlPlane.LogIn("system:node:"+name, "system:nodes")
	if err != nil {
		return nil, err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return nil, err
	}
	n.process, err = process.Start(process.Spec{
		Path: nsenter,
		Args: []string{
			"--net=/run/netns/" + name, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--ipc",
			"sh", "-c", script,
		},
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "DIR=" + n.dir, "NAME=" + name, "ADDRESS=" + n.Address, "GATEWAY=" + ControlPlane,
			"ARCHIVES=" + strings.Join(options.Archives, " "), "KUBECONFIG=" + kubeconfig,
			"KUBELET=" + set.Path("kubelet"), "KUBE_PROXY=" + set.Path("kube-proxy"),
		},
		Dir: n.dir, LogFile: filepath.Join(n.dir, "node.log"),
	})
	return n, err
}

func (n *Node) configure(options Options, pods, group string) error {
	plugins, err := pluginDir()
	if err != nil {
		return err
	}
	serving, err := options.ControlPlane.CA.Server(n.Name, n.Address)
	if err != nil {
		return err
	}
	proxy, err := options.ControlPlane.LogIn("system:kube-proxy")
	if err != nil {
		return err
	}
	cni, resolver := filepath.Join(n.dir, "cni"), filepath.Join(n.dir, "resolv.conf")
	return writeFiles(map[string]string{
		filepath.Join(n.dir, "containerd.toml"): fmt.Sprintf(containerdConfig, pauseImage, plugins, cni),
		filepath.Join(cni, "pods.conflist"):     fmt.Sprintf(cniConfig, pods),
		filepath.Join(n.dir, "kubelet.yaml"): fmt.Sprintf(kubeletConfig,
			n.Address, options.ControlPlane.CA.CertFile(), serving.Cert, serving.Key, group, resolver),
		filepath.Join(n.dir, "kube-proxy.yaml"): fmt.Sprintf(proxyConfig, n.Address, proxy),
		resolver:                                "nameserver " + ControlPlane + "\n",
	})
}

// Lose simulates a power failure: it drops packets to the node, so connections time out instead of being refused.
func (n *Node) Lose(ctx context.Context) error {
	if err := run(ctx, "ip link set "+n.Name+" down"); err != nil {
		return err
	}
	n.Stop()
	return nil
}

// Stop kills everything on the node.
func (n *Node) Stop() { n.process.Kill() }

// makeControlGroup creates the cgroup root that a kubelet expects in each hierarchy, with every controller.
func makeControlGroup(group string) error {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return makeUnified(root, group)
	}
	hierarchies, err := filepath.Glob(root + "/*/tasks")
	if err != nil {
		return err
	}
	for _, tasks := range hierarchies {
		hierarchy := filepath.Dir(tasks)
		for dir := hierarchy; ; {
			rest, _ := filepath.Rel(dir, filepath.Join(hierarchy, group))
			if rest == "." {
				break
			}
			child := filepath.Join(dir, strings.Split(rest, "/")[0])
			if err := os.MkdirAll(child, 0o755); err != nil {
				return err
			}
			// A new cgroup v1 cpuset has no CPUs.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				if set, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
					if err := os.WriteFile(filepath.Join(child, file), set, 0o600); err != nil {
						return err
					}
				}
			}
			dir = child
		}
	}
	return nil
}

func makeUnified(root, group string) error {
	dir := root
	for name := range strings.SplitSeq(strings.TrimPrefix(group, "/"), "/") {
		controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			return err
		}
		for controller := range strings.FieldsSeq(string(controllers)) {
			// Some controllers cannot be delegated; the kubelet reports those it needs.
			_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0o600)
		}
		dir = filepath.Join(dir, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		words := strings.Fields(command)
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, output)
		}
	}
	return nil
}
