package solver

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	kjson "sigs.k8s.io/json"
)

// Config is spec.acme.solvers[].dns01.webhook.config of an Issuer. It has no field for an address, so an Issuer cannot make
// the webhook send a key to another server.
type Config struct {
	// APIKeySecretRef names the Secret with the API key, in the Issuer's namespace, or in cert-manager's cluster resource
	// namespace for a ClusterIssuer.
	APIKeySecretRef *SecretKeyRef `json:"apiKeySecretRef"`
	// TTL of the TXT record in seconds, within ConfigRules. Nil means the host's default.
	TTL *int64 `json:"ttl"`
	// Service selects one of several zones with the same name, at hosts that have ConfigRules.Services.
	Service *string `json:"service"`
}

// SecretKeyRef names one entry of a Secret. Both fields are required.
type SecretKeyRef struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// ConfigRules are the limits of Config that differ between DNS hosts.
type ConfigRules struct {
	// MinTTL and MaxTTL are the bounds of ttl; 0 means 1 and 2147483647 (RFC 2181, section 8).
	MinTTL, MaxTTL int64
	// Services are the valid values of service. If empty, the field is unknown.
	Services []string
}

// Parse decodes an Issuer's config strictly: a misspelt field or an invalid value is an error with constant text.
func (r ConfigRules) Parse(raw *apiextensionsv1.JSON) (Config, error) {
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
	return c, r.validate(c)
}

func (r ConfigRules) validate(c Config) error {
	least, most := cmp.Or(r.MinTTL, 1), cmp.Or(r.MaxTTL, math.MaxInt32)
	switch {
	case c.TTL != nil && (*c.TTL < least || *c.TTL > most):
		return configError(fmt.Sprintf("ttl must be a number of seconds from %d to %d", least, most))
	case c.Service == nil:
	case len(r.Services) == 0:
		return configError(`unknown field "service"`)
	case !slices.Contains(r.Services, *c.Service):
		return configError("service must be " + strings.Join(r.Services, " or "))
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

// service returns the service, or "" if it is not set.
func (c Config) service() string {
	if c.Service == nil {
		return ""
	}
	return *c.Service
}

// ttl returns the TTL in seconds, or 0 for the host's default.
func (c Config) ttl() int {
	if c.TTL == nil {
		return 0
	}
	return int(*c.TTL)
}

func configError(fault string) error {
	return errors.New("invalid webhook config in Issuer: " + fault)
}

// typeMismatch describes the field whose value has the wrong type, in JSON terms. It decodes raw again with encoding/json,
// because only its error has the field's path.
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
		"service":              "a string",
	}[mismatch.Field]
	field := cmp.Or(mismatch.Field, "it")
	return fmt.Sprintf("%s must be %s, not a JSON %s", field, wanted, mismatch.Value)
}
