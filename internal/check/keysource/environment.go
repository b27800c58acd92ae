package keysource

import "context"

// Environment is a key in an environment variable.
type Environment struct {
	// Variable is its name, and Value what it holds.
	Variable, Value string
	// From is where people get the key.
	From string
}

// Origin names the variable.
func (e Environment) Origin() string { return "the environment variable " + e.Variable }

// Key returns the key.
func (e Environment) Key(context.Context) (string, error) {
	return cleaned(e.Value, e.Origin(), e.From)
}
