package check

import (
	"context"

	"k8s.io/client-go/rest"
)

// Planner reads from a cluster how cert-manager solves challenges.
type Planner interface {
	// Plan reads the object in ask. It reports faults as steps.
	Plan(ctx context.Context, cluster *rest.Config, ask Ask) Plan
	// Challenges returns the owner, NAMESPACE/NAME, of each value that a DNS-01 Challenge of the cluster has in spec.key.
	Challenges(ctx context.Context, cluster *rest.Config) (owners map[string]string, err error)
}

// Ask names the object to plan for. One of Issuer, ClusterIssuer and Certificate is set.
type Ask struct {
	// Issuer and Certificate are NAMESPACE/NAME, ClusterIssuer is NAME.
	Issuer, ClusterIssuer, Certificate string
	// Domain restricts the plan to one DNS name. If it is empty, the plan has all names of the Certificates.
	Domain string
	// ResourceNamespace is cert-manager's cluster resource namespace.
	ResourceNamespace string
}

// Plan is how cert-manager solves the challenges of some DNS names.
type Plan struct {
	// Steps apply to all names.
	Steps []Step
	// Targets has one entry for each name.
	Targets []Target
}

// Target is a DNS name and the solver that cert-manager uses for it.
type Target struct {
	Name string
	// Steps are those of the solver.
	Steps []Step
	// Provider is the solver's name. It is empty if this webhook does not solve the name's challenges; the steps say why.
	Provider string
	// Namespace, Secret and Entry locate the API key.
	Namespace, Secret, Entry string
	// CNAMEStrategy is the solver's: None or Follow.
	CNAMEStrategy string
	// Environment has the running webhook's environment variables and arguments. They replace the defaults of the same flags.
	Environment map[string]string
	// Flags are the flags that correspond to the solver's config.
	Flags map[string]string
}

// SolverConfig is a decoded solver config.
type SolverConfig struct {
	// Secret and Entry locate the API key. They are empty if the config has no apiKeySecretRef.
	Secret, Entry string
	// Flags are the flags of the check that correspond to the other fields.
	Flags map[string]string
}
