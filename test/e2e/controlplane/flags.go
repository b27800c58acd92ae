package controlplane

import (
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/network"
)

// etcdFlags make etcd listen only on Unix sockets: no free port is needed, and directory permissions protect it.
func (c *ControlPlane) etcdFlags() []string {
	return []string{
		"--name=e2e",
		"--data-dir=" + c.path("etcd"),
		"--listen-client-urls=unix://" + c.path("etcd.sock"),
		"--listen-peer-urls=unix://" + c.path("etcd-peer.sock"),
		"--advertise-client-urls=http://etcd.invalid:2379", // required, but never used
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (c *ControlPlane) apiserverFlags(f files) []string {
	flags := []string{
		"--etcd-servers=unix://" + c.path("etcd.sock"),
		"--bind-address=" + c.address,
		"--secure-port=" + Port,
		"--tls-cert-file=" + f.serving.Cert,
		"--tls-private-key-file=" + f.serving.Key,
		"--cert-dir=" + c.dir,
		"--service-cluster-ip-range=" + network.ServiceRange,

		"--client-ca-file=" + c.CA.CertFile(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + f.tokens.Cert,
		"--service-account-signing-key-file=" + f.tokens.Key,

		"--requestheader-client-ca-file=" + f.frontProxyCA.CertFile(),
		"--requestheader-allowed-names=front-proxy",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + f.frontProxy.Cert,
		"--proxy-client-key-file=" + f.frontProxy.Key,
	}
	if c.realNodes {
		return append(flags,
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--kubelet-certificate-authority="+c.CA.CertFile(),
			"--kubelet-client-certificate="+f.kubelet.Cert,
			"--kubelet-client-key="+f.kubelet.Key,
			"--kubelet-preferred-address-types=InternalIP",
		)
	}
	return append(flags,
		"--authorization-mode=RBAC",

		// kube-apiserver rejects a loopback address here. Without an endpoint reconciler, it never publishes this one.
		"--advertise-address=192.0.2.1",
		"--endpoint-reconciler-type=none",

		// There is no kube-proxy. The API server resolves backends of APIServices and webhooks through EndpointSlices, and reaches
		// them through the egress proxy.
		"--enable-aggregator-routing",
		"--egress-selector-config-file="+f.egressSelector,
	)
}

func (c *ControlPlane) controllerManagerFlags(f files) []string {
	controllers := []string{
		// From Deployments to pods to endpoints.
		"deployment-controller", "replicaset-controller", "endpointslice-controller", "disruption-controller", "job-controller",
		// API servers before 1.33 resolve Services through Endpoints.
		"endpoints-controller",
		// The default ServiceAccount, and the CA for its token.
		"serviceaccount-controller", "root-ca-certificate-publisher-controller",
		// Deletion.
		"namespace-controller", "garbage-collector-controller",
		"clusterrole-aggregation-controller",
	}
	flags := []string{
		"--kubeconfig=" + f.managerKubeconfig,
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + f.tokens.Key,
		"--root-ca-file=" + c.CA.CertFile(),
		"--leader-elect=false",
		"--bind-address=" + c.address,
		"--cert-dir=" + c.dir,
	}
	if c.realNodes {
		return flags // All controllers, including those for nodes.
	}
	return append(flags, "--controllers="+strings.Join(controllers, ","))
}

func (c *ControlPlane) schedulerFlags(kubeconfig string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--bind-address=" + c.address,
		"--cert-dir=" + c.dir,
	}
}
