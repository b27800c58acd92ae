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

// apiKey is a key and its origin. The origin may be shown; the key must not.
type apiKey struct {
	value  string
	origin string
	// remembered is true if the key comes from this process's memory because its Secret is gone.
	remembered bool
}

// noKeyError means that the key in the config does not exist, is invalid, or is forbidden to the webhook.
type noKeyError struct {
	fault string
	// gone is true if a clean-up must not wait for the key. Forbidden counts as gone, because deleting a namespace may
	// delete its Roles before its Secrets.
	gone bool
}

func (e *noKeyError) Error() string { return e.fault }

func keyGone(format string, args ...any) error {
	return &noKeyError{fault: fmt.Sprintf(format, args...), gone: true}
}

// readAPIKey reads the key that the config names. It does not cache, so a rotated key works at once.
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
	// No logger: at -v=8 and above client-go logs response bodies, which contain the key.
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

// ValidateAPIKey returns an error if key cannot be sent in an HTTP header. The error does not contain the key.
func ValidateAPIKey(key string) error {
	if parsed, err := apikey.Parse(key); err != nil || parsed != key {
		return errors.New("the API key is empty or contains invalid characters")
	}
	return nil
}
