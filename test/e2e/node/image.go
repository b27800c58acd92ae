package node

import (
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Image is an executable that stands for a container image.
type Image struct {
	// Repository is the image's name without tag and digest.
	Repository string
	Executable string
	// Flags are added to the container's arguments, to tell it what a container would find by itself.
	Flags func(args []string, in Surroundings) []string
}

// Surroundings of a container that is a plain process.
type Surroundings struct {
	// Address on which to listen. A container has a network of its own and may listen on every address.
	Address string
	// Kubeconfig logs in with the token of the pod's ServiceAccount. A container would find the token below /var/run/secrets,
	// a fixed path that only root may write, and only once for the whole machine. Empty if the pod has no token mounted.
	Kubeconfig string
}

const tokenDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// image finds the executable for an image reference.
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
	return Image{}, fmt.Errorf("no executable stands for image %q", reference)
}

// writeKubeconfig names the token and the CA that are mounted in a pod.
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
