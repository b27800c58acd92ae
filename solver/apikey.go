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
}

// noKeyError means that there is no key where the config says, or none that the webhook may read. While a namespace goes, its
// Secrets and the Roles that allow to read them go in any order.
type noKeyError struct{ fault string }

func (e *noKeyError) Error() string { return e.fault }

func noKey(format string, args ...any) error { return &noKeyError{fmt.Sprintf(format, args...)} }

// readAPIKey reads the key that the config names. It is read at each challenge, so that a
// rotated key works at once.
func (s *Solver) readAPIKey(ctx context.Context, namespace string, c Config, ambient bool) (apiKey, error) {
	ref := c.APIKeySecretRef
	switch {
	case ref != nil:
		return s.readSecret(ctx, namespace, *ref)
	case ambient && s.ambientKey != "":
		return apiKey{s.ambientKey, "the environment of the webhook"}, nil
	default:
		return apiKey{}, noKey("%v", configError("apiKeySecretRef is missing"))
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
		return apiKey{}, noKey("the Secret %s with the API key is not found", name)
	case apierrors.IsForbidden(err):
		return apiKey{}, noKey("the webhook may not read the Secret %s: "+
			"its name and namespace must be listed in the chart's values under secrets", name)
	case err != nil:
		return apiKey{}, fmt.Errorf("the Secret %s cannot be read from the Kubernetes API", name)
	}
	value, err := apikey.InSecret(secret.Data, ref.Key)
	if err != nil {
		return apiKey{}, noKey("in the Secret %s the key %s %v", name, ref.Key, err)
	}
	return apiKey{value, "the Secret " + name}, nil
}

// ValidateAPIKey refuses a key that cannot be sent. The error does not show it.
func ValidateAPIKey(key string) error {
	if parsed, err := apikey.Parse(key); err != nil || parsed != key {
		return errors.New("the API key is empty or holds characters that an API key cannot have")
	}
	return nil
}
