package cluster

import (
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/node"
)

// images maps the images in the charts to executables.
func images(set binaries.Set) []node.Image {
	return []node.Image{
		{
			Repository: "ghcr.io/mijn-host-webhook/cert-manager-webhook-mijn-host",
			Executable: set.Path("webhook"),
			Flags:      webhookFlags,
		},
		{
			Repository: "quay.io/jetstack/cert-manager-controller",
			Executable: set.Path("cert-manager-controller"),
			Flags:      flags,
		},
		{
			Repository: "quay.io/jetstack/cert-manager-cainjector",
			Executable: set.Path("cert-manager-cainjector"),
			Flags:      flags,
		},
		{
			Repository: "quay.io/jetstack/cert-manager-webhook",
			Executable: set.Path("cert-manager-webhook"),
			Flags:      flags,
		},
	}
}

func flags(_ []string, in node.Surroundings) []string {
	return []string{"--bind-address=" + in.Address, "--kubeconfig=" + in.Kubeconfig}
}

// webhookFlags are the flags that the webhook, an aggregated API server, needs to authenticate and authorize its callers. Its
// other commands do not listen, so they need none.
func webhookFlags(args []string, in node.Surroundings) []string {
	login := "--kubeconfig=" + in.Kubeconfig
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return []string{login}
	}
	return []string{
		"--bind-address=" + in.Address, login,
		"--authentication-kubeconfig=" + in.Kubeconfig, "--authorization-kubeconfig=" + in.Kubeconfig,
	}
}
