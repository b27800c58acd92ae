package solver

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

// apiKey is a key and where it came from. Its origin may be shown, the key never.
type apiKey struct {
	value  string
	origin string
	// remembered: it is this process's memory, and its Secret is gone.
	remembered bool
}

// noKeyError means that there is no key where the config says, or none that the webhook may read.
type noKeyError struct {
	fault string
	// gone: nobody need mend it. While a namespace goes, its Secrets and the Roles that allow to read them go in any order.
	gone bool
}

func (e *noKeyError) Error() string { return e.fault }

func keyGone(format string, args ...any) error {
	return &noKeyError{fault: fmt.Sprintf(format, args...), gone: true}
}

// readAPIKey reads the key that the config names. It is read at each challenge, so that a
// rotated key works at once.
func (s *Solver) readAPIKey(ctx context.Context, namespace string, c Config, ambient bool) (apiKey, error) {
	ref := c.APIKeySecretRef
	switch {
	case ref != nil:
		return s.readSecret(ctx, namespace, *ref)
	case ambient && s.ambientKey != "":
		return apiKey{value: s.ambientKey, origin: "the environment of the webhook"}, nil
	default:
		return apiKey{}, keyGone("%v", configError("apiKeySecretRef is required"))
	}
}

func (s *Solver) readSecret(ctx context.Context, namespace string, ref SecretKeyRef) (apiKey, error) {
	name := namespace + "/" + ref.Name
	client := s.secrets.Load()
	if client == nil {
		return apiKey{}, errors.New("the webhook is still starting")
	}
	// Without a logger: from -v=8 on, client-go would log the body of the answer, and with it the key.
	secret, err := client.Secrets(namespace).Get(logr.NewContext(ctx, logr.Discard()), ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return apiKey{}, keyGone("Secret %s not found", name)
	case apierrors.IsForbidden(err):
		return apiKey{}, keyGone("the webhook is not allowed to read Secret %s: "+
			"list its name and namespace in the chart's values under secrets", name)
	case err != nil:
		logr.FromContextOrDiscard(ctx).V(2).Info("Cannot read Secret", "secret", name, "cause", err.Error())
		return apiKey{}, fmt.Errorf("cannot read Secret %s from the Kubernetes API", name)
	}
	value, err := apikey.InSecret(secret.Data, ref.Key)
	if err != nil {
		return apiKey{}, &noKeyError{fault: fmt.Sprintf("key %s in Secret %s %v", ref.Key, name, err)}
	}
	return apiKey{value: value, origin: "Secret " + name}, nil
}

// ValidateAPIKey refuses a key that cannot be sent. The error does not show it.
func ValidateAPIKey(key string) error {
	if parsed, err := apikey.Parse(key); err != nil || parsed != key {
		return errors.New("the API key is empty or holds characters that an API key cannot have")
	}
	return nil
}
