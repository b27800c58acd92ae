package keysource

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

// secretTime bounds the read of a Secret.
const secretTime = 15 * time.Second

// Secret is a key in a Kubernetes Secret.
type Secret struct {
	Namespace, Name, Entry string
	// Kubeconfig is the path of the kubeconfig, as for Cluster.
	Kubeconfig string
	// From says where to get a key. Variable is the environment variable that can hold it instead.
	From, Variable string
}

// Origin names the Secret.
func (s Secret) Origin() string { return fmt.Sprintf("the Secret %s/%s", s.Namespace, s.Name) }

// Key reads the Secret.
func (s Secret) Key(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTime)
	defer cancel()
	client, err := s.client()
	if err != nil {
		return "", &Error{
			Fault:   fmt.Sprintf("No cluster is configured to read %s from.", s.Origin()),
			Remedy:  fmt.Sprintf("Set --kubeconfig, or pass the key with --api-key-file or %s.", s.Variable),
			Passing: true,
		}
	}
	secret, err := client.Secrets(s.Namespace).Get(ctx, s.Name, metav1.GetOptions{})
	if err != nil {
		return "", s.fault(err)
	}
	key, err := apikey.InSecret(secret.Data, s.Entry)
	if errors.Is(err, apikey.ErrMissing) {
		return "", &Error{
			Fault:  fmt.Sprintf("Secret %s/%s has no key %s.", s.Namespace, s.Name, s.Entry),
			Remedy: "Set --secret-key to the right key, or add the API key to the Secret.",
		}
	}
	return withFix(key, err, s.Origin(), s.From)
}

func (s Secret) client() (*corev1.CoreV1Client, error) {
	config, err := Cluster(s.Kubeconfig)
	if err != nil {
		return nil, err
	}
	return corev1.NewForConfig(config)
}

// Cluster returns the client config of a kubeconfig. If the path is empty, it tries KUBECONFIG, ~/.kube/config and the pod's
// ServiceAccount, in this order. It returns an error if none of them exists.
func Cluster(kubeconfig string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
}

// Namespace returns the namespace of a kubeconfig's current context.
func Namespace(kubeconfig string) string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	namespace, _, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).Namespace()
	if err != nil {
		return "default"
	}
	return namespace
}

// fault maps an error of the Kubernetes client, which can contain addresses, to a constant message.
func (s Secret) fault(err error) *Error {
	switch {
	case apierrors.IsNotFound(err):
		return &Error{
			Fault: fmt.Sprintf("Secret %s/%s not found.", s.Namespace, s.Name),
			Remedy: fmt.Sprintf("Create it: kubectl create secret generic %s --namespace=%s --from-file=%s=FILE-WITH-THE-API-KEY",
				s.Name, s.Namespace, s.Entry),
		}
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return &Error{
			Fault:  fmt.Sprintf("This account may not read Secret %s/%s.", s.Namespace, s.Name),
			Remedy: "In the webhook's pod: add the Secret to the chart's value secrets. Elsewhere: use an account that may get the Secret.",
		}
	default:
		return &Error{
			Fault:   fmt.Sprintf("Cannot read Secret %s/%s from the Kubernetes API.", s.Namespace, s.Name),
			Remedy:  "Check that kubectl reaches the cluster from here.",
			Passing: true,
		}
	}
}
