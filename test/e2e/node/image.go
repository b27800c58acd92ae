package node

import (
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Image is an executable that replaces a container image.
type Image struct {
	// Repository is the image's name without tag or digest.
	Repository string
	Executable string
	// Flags are added to the container's arguments, for settings that a container would discover.
	Flags func(args []string, in Surroundings) []string
}

// Surroundings describes the environment of a container that is a plain process.
type Surroundings struct {
	// Address is the listen address. A real container has its own network and may listen on every address.
	Address string
	// Kubeconfig uses the token of the pod's ServiceAccount. Real containers find the token below /var/run/secrets, which only
	// root may write, and which exists once per machine. It is empty if the pod mounts no token.
	Kubeconfig string
}

const tokenDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// image returns the executable for an image reference.
func (n *Node) image(reference string) (Image, error) {
	repository, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		repository = repository[:colon]
	}
	for _, image := range n.options.Images {
		if image.Repository == repository {
			return image, nil
		}
	}
	return Image{}, fmt.Errorf("no executable for image %q", reference)
}

// writeKubeconfig writes a kubeconfig with the token and CA that are mounted in a pod.
func (n *Node) writeKubeconfig(file, mounted string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["pod"] = &clientcmdapi.Cluster{
		Server:               n.options.Config.Host,
		CertificateAuthority: filepath.Join(mounted, "ca.crt"),
	}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{TokenFile: filepath.Join(mounted, "token")}
	config.Contexts["pod"] = &clientcmdapi.Context{Cluster: "pod", AuthInfo: "pod"}
	config.CurrentContext = "pod"
	return clientcmd.WriteToFile(*config, file)
}
