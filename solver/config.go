package solver

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
)

// Config is the solver's part of an Issuer: the object under
// spec.acme.solvers[].dns01.webhook.config. It names no address to call, so that whoever may write an
// Issuer cannot point the webhook elsewhere.
type Config struct {
	// APIKeySecretRef names the Secret that holds the API key. It lives in the
	// Issuer's namespace, or in cert-manager's cluster resource namespace for a ClusterIssuer.
	APIKeySecretRef *SecretKeyRef `json:"apiKeySecretRef"`
	// TTL of the TXT record in seconds, 1 to 2147483647 (RFC 2181, section 8). The host's default if absent.
	TTL *int64 `json:"ttl"`
}

// SecretKeyRef names one entry of a Secret. Both fields are needed.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// parseConfig decodes raw strictly: what is misspelt must not be overlooked.
func parseConfig(raw *apiextensionsv1.JSON) (Config, error) {
	var c Config
	if raw != nil && len(raw.Raw) > 0 {
		strict, err := kjson.UnmarshalStrict(raw.Raw, &c)
		if err != nil {
			return Config{}, configError(typeMismatch(raw.Raw))
		}
		if len(strict) > 0 {
			return Config{}, configError(strict[0].Error())
		}
	}
	return c, c.validate()
}

func (c Config) validate() error {
	if c.TTL != nil && (*c.TTL < 1 || *c.TTL > math.MaxInt32) {
		return configError("ttl must be a number of seconds from 1 to 2147483647")
	}
	ref := c.APIKeySecretRef
	if ref == nil {
		return nil
	}
	for _, field := range []struct {
		path, value string
		faults      func(string) []string
	}{
		{"apiKeySecretRef.name", ref.Name, func(s string) []string { return validation.NameIsDNSSubdomain(s, false) }},
		{"apiKeySecretRef.key", ref.Key, utilvalidation.IsConfigMapKey},
	} {
		if field.value == "" {
			return configError(field.path + " is required")
		}
		if faults := field.faults(field.value); len(faults) > 0 {
			return configError(fmt.Sprintf("%s is invalid: %s", field.path, faults[0]))
		}
	}
	return nil
}

// ttl in seconds, 0 for the host's default.
func (c Config) ttl() int {
	if c.TTL == nil {
		return 0
	}
	return int(*c.TTL)
}

func configError(fault string) error {
	return errors.New("invalid webhook config in Issuer: " + fault)
}

// typeMismatch names the field whose value has the wrong type, in the words of the one
// who wrote it. It decodes once more with the standard library, whose error tells the field.
func typeMismatch(raw []byte) string {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(json.Unmarshal(raw, &Config{}), &mismatch) {
		return "it is not JSON"
	}
	wanted := map[string]string{
		"":                     "an object",
		"apiKeySecretRef":      "an object with name and key",
		"apiKeySecretRef.name": "a string",
		"apiKeySecretRef.key":  "a string",
		"ttl":                  "a whole number of seconds",
	}[mismatch.Field]
	field := cmp.Or(mismatch.Field, "it")
	return fmt.Sprintf("%s must be %s, not a JSON %s", field, wanted, mismatch.Value)
}
