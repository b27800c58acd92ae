// Package kubelet runs real nodes: containerd, kubelet and kube-proxy, several on one machine. It wants root, and name
// spaces for mounts, network and processes that are nobody else's, as `make node-test` makes them.
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

// ControlPlane is the address of whatever is no node.
const ControlPlane = "10.200.0.1"

const (
	bridge     = "nodes"
	pauseImage = "localhost/pause:1"
)

//go:embed node.sh
var script string

// Options of a node.
type Options struct {
	// Dir takes the files of all nodes.
	Dir string
	// Number from 1 decides about its name and its addresses.
	Number int
	// ControlPlane that it joins.
	ControlPlane *controlplane.ControlPlane
	// ControlGroup is below which the node gets one of its own. To remove it is the caller's.
	ControlGroup string
	// Archives of the images that it has from the beginning; it can pull none.
	Archives []string
}

// Node is a running one.
type Node struct {
	// Name in the cluster.
	Name string
	// Address in the network of the nodes.
	Address string

	dir     string
	process *process.Process
}

// Connect makes the network of the nodes, in which the caller is the machine of the control plane.
func Connect(ctx context.Context) error {
	return run(ctx,
		"ip link set lo up",
		"ip link add "+bridge+" type bridge",
		"ip address add "+ControlPlane+"/24 dev "+bridge,
		"ip link set "+bridge+" up",
		// Nobody has these addresses; kube-proxy puts others in their place, once a way is known.
		"ip route add "+strings.Split(network.ServiceRange, ",")[0]+" dev "+bridge,
		"mkdir -p /run/netns",
		"mount -t tmpfs nodes /run/netns", // so that nothing stays there
	)
}

// StartProxy runs a kube-proxy on the machine of the control plane. It insists on a Node, so there must be one of that name.
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

// Start returns as soon as the node is being set up; it is there when the API server says that it is ready.
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

// Lose takes the node away as a failure of its power would: what others have sent to it is never answered, not even with a
// refusal.
func (n *Node) Lose(ctx context.Context) error {
	if err := run(ctx, "ip link set "+n.Name+" down"); err != nil {
		return err
	}
	n.Stop()
	return nil
}

// Stop ends everything on the node at once.
func (n *Node) Stop() { n.process.Kill() }

// makeControlGroup makes what a kubelet takes for granted: its own root, in each hierarchy, with every controller.
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
			// A new group of version 1 has no processors at first.
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
			// Some cannot be passed on; a kubelet says which of them it misses.
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
