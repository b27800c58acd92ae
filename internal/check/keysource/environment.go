package keysource

import (
	"context"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apikey"
)

// Environment is a key in an environment variable.
type Environment struct {
	// Variable is its name and Value its content.
	Variable, Value string
	// From says where to get a key.
	From string
}

// Origin names the variable.
func (e Environment) Origin() string { return "the environment variable " + e.Variable }

// Key returns the key.
func (e Environment) Key(context.Context) (string, error) {
	key, err := apikey.Parse(e.Value)
	return withFix(key, err, e.Origin(), e.From)
}
