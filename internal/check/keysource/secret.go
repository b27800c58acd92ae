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

// secretTime bounds the reading of a Secret.
const secretTime = 15 * time.Second

// Secret is a key in a Secret of Kubernetes.
type Secret struct {
	Namespace, Name, Entry string
	// Kubeconfig is the path of the file that tells how to reach the cluster. If it is empty, the usual places
	// are looked at, and in a pod without any of them the pod's own account is used.
	Kubeconfig string
	// From is where people get the key, and Variable the environment variable that could have it instead.
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
			Remedy:  fmt.Sprintf("Name one with --kubeconfig, or give the key with --api-key-file or %s.", s.Variable),
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
			Remedy: "Name the right one with --secret-key, or put the API key there.",
		}
	}
	return told(key, err, s.Origin(), s.From)
}

func (s Secret) client() (*corev1.CoreV1Client, error) {
	config, err := Cluster(s.Kubeconfig)
	if err != nil {
		return nil, err
	}
	return corev1.NewForConfig(config)
}

// Cluster says how to reach the cluster of a kubeconfig. If that is empty, the usual places are looked at, and in a pod
// without any of them the pod's own account is used.
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

// fault says what is wrong without the addresses that errors of Kubernetes' client are full of.
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
			Remedy: "In the webhook's pod: list the Secret in the chart's values under secrets. Elsewhere: use an account that may get it.",
		}
	default:
		return &Error{
			Fault:   fmt.Sprintf("Cannot read Secret %s/%s from the Kubernetes API.", s.Namespace, s.Name),
			Remedy:  "Check that kubectl reaches the cluster from here.",
			Passing: true,
		}
	}
}
