package mijnhost

import "context"

// Needed are the values that other challenges need.
type Needed struct {
	// Owners are the challenges by value, as NAMESPACE/NAME.
	Owners map[string]string
	// Unknown: nobody can tell, and this process's own memory decides.
	Unknown bool
}

// Owner returns the challenge that needs value.
func (n Needed) Owner(value string) (owner string, ok bool) {
	owner, ok = n.Owners[value]
	return owner, ok
}

// neededUnknown is for a provider that runs without a cluster.
func neededUnknown(context.Context) (Needed, error) { return Needed{Unknown: true}, nil }
