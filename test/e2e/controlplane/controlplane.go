// Package controlplane runs etcd, kube-apiserver and the controllers of kube-controller-manager that an application needs.
package controlplane

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/pki"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/process"
)

// Port of the API server.
const Port = "6443"

// ControlPlane is a running control plane without nodes.
type ControlPlane struct {
	// CA signs the client certificates and those of kubelets.
	CA *pki.Authority
	// Kubeconfig is the path of an administrator's kubeconfig.
	Kubeconfig string
	// Config is the same as a client config.
	Config *rest.Config

	dir     string
	address string
	// realNodes is set for nodes with a kubelet, where pods and Services have real addresses.
	realNodes bool
	proxy     *network.Proxy
	// running lists processes in start order.
	running []*process.Process
}

// Start returns when the API server is ready. All files are in dir, whose path must be short enough for Unix sockets.
func Start(ctx context.Context, set binaries.Set, dir string, block *network.Block) (*ControlPlane, error) {
	return started(ctx, set, &ControlPlane{dir: dir, address: block.ControlPlane()})
}

// StartForNodes is Start for nodes with a kubelet, which reach the API server at address. It calls Services by their
// cluster IP, through the kube-proxy of its own machine, as in a usual installation.
func StartForNodes(ctx context.Context, set binaries.Set, dir, address string) (*ControlPlane, error) {
	c, err := started(ctx, set, &ControlPlane{dir: dir, address: address, realNodes: true})
	if err != nil {
		return nil, err
	}
	if err := c.startScheduler(set); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) startScheduler(set binaries.Set) error {
	kubeconfig, err := c.LogIn("system:kube-scheduler")
	if err != nil {
		return err
	}
	_, err = c.launch(set, "kube-scheduler", c.schedulerFlags(kubeconfig))
	return err
}

func started(ctx context.Context, set binaries.Set, c *ControlPlane) (*ControlPlane, error) {
	if err := c.start(ctx, set); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context, set binaries.Set) error {
	files, err := c.prepare()
	if err != nil {
		return err
	}
	if !c.realNodes {
		if c.proxy, err = network.StartProxy(ctx, c.path("egress.sock")); err != nil {
			return err
		}
	}
	if _, err = c.launch(set, "etcd", c.etcdFlags()); err != nil {
		return err
	}
	apiserver, err := c.launch(set, "kube-apiserver", c.apiserverFlags(files))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	err = apiserver.WaitUntil(ctx, func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
	if err != nil {
		return err
	}
	_, err = c.launch(set, "kube-controller-manager", c.controllerManagerFlags(files))
	return err
}

// Stop kills all processes, kube-apiserver before etcd. A graceful stop gains nothing, because their data is thrown away.
func (c *ControlPlane) Stop() {
	for _, running := range slices.Backward(c.running) {
		running.Kill()
	}
	if c.proxy != nil {
		c.proxy.Stop()
	}
}

func (c *ControlPlane) path(name string) string { return filepath.Join(c.dir, name) }

func (c *ControlPlane) launch(set binaries.Set, program string, flags []string) (*process.Process, error) {
	p, err := process.Start(process.Spec{
		Path:    set.Path(program),
		Args:    flags,
		Dir:     c.dir,
		LogFile: c.path(program + ".log"),
	})
	if err != nil {
		return nil, err
	}
	c.running = append(c.running, p)
	return p, nil
}

// longestSocket is the longest path of a Unix socket on Linux.
const longestSocket = 107

// files are the paths in the flags.
type files struct {
	frontProxyCA                         *pki.Authority
	serving, frontProxy, kubelet, tokens pki.Pair
	egressSelector, managerKubeconfig    string
}

func (c *ControlPlane) prepare() (f files, err error) {
	if socket := c.path("etcd-peer.sock"); len(socket) > longestSocket {
		return f, fmt.Errorf("the path %s is too long for a Unix socket; set TMPDIR to a shorter directory", socket)
	}
	if c.CA, err = pki.NewAuthority(c.dir, "cluster-ca"); err != nil {
		return f, err
	}
	// A separate CA: its certificates may impersonate any user to an aggregated API server.
	if f.frontProxyCA, err = pki.NewAuthority(c.dir, "front-proxy-ca"); err != nil {
		return f, err
	}
	if f.serving, err = c.CA.Server("kube-apiserver", c.address, network.FirstService, "kubernetes.default.svc"); err != nil {
		return f, err
	}
	if f.frontProxy, err = f.frontProxyCA.Client("front-proxy"); err != nil {
		return f, err
	}
	if f.kubelet, err = c.CA.Client("kube-apiserver-kubelet-client", "system:masters"); err != nil {
		return f, err
	}
	if f.tokens, err = pki.Key(c.dir, "service-account-tokens"); err != nil {
		return f, err
	}
	if c.Kubeconfig, err = c.LogIn("admin", "system:masters"); err != nil {
		return f, err
	}
	if f.managerKubeconfig, err = c.LogIn("system:kube-controller-manager"); err != nil {
		return f, err
	}
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return f, err
	}
	c.Config.QPS = -1 // no rate limit
	f.egressSelector = c.path("egress-selector.yaml")
	return f, os.WriteFile(f.egressSelector, fmt.Appendf(nil, egressSelector, c.path("egress.sock")), 0o600)
}

const egressSelector = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds:
        udsName: %s
`

// LogIn returns a kubeconfig for a user with these groups.
func (c *ControlPlane) LogIn(user string, groups ...string) (kubeconfig string, err error) {
	pair, err := c.CA.Client(user, groups...)
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["e2e"] = &clientcmdapi.Cluster{
		Server:               "https://" + net.JoinHostPort(c.address, Port),
		CertificateAuthority: c.CA.CertFile(),
	}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificate: pair.Cert, ClientKey: pair.Key}
	config.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: user}
	config.CurrentContext = "e2e"
	file := c.path(user + ".kubeconfig")
	return file, clientcmd.WriteToFile(*config, file)
}
