package issuer

import "encoding/json"

// The fields that a check reads. Decoding cert-manager's own types would link their packages into the webhook.
type (
	metadata struct {
		Namespace         string            `json:"namespace"`
		Name              string            `json:"name"`
		Labels            map[string]string `json:"labels"`
		CreationTimestamp string            `json:"creationTimestamp"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
	}
	condition struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	issuerRef struct {
		Name  string `json:"name"`
		Kind  string `json:"kind"`
		Group string `json:"group"`
	}
	issuerObject struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			ACME *struct {
				Solvers []acmeSolver `json:"solvers"`
			} `json:"acme"`
		} `json:"spec"`
		Status struct {
			Conditions []condition `json:"conditions"`
		} `json:"status"`
	}
	acmeSolver struct {
		Selector *selector `json:"selector"`
		DNS01    *struct {
			CNAMEStrategy string         `json:"cnameStrategy"`
			Webhook       *webhookSolver `json:"webhook"`
		} `json:"dns01"`
	}
	selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
		DNSNames    []string          `json:"dnsNames"`
		DNSZones    []string          `json:"dnsZones"`
	}
	webhookSolver struct {
		GroupName  string          `json:"groupName"`
		SolverName string          `json:"solverName"`
		Config     json.RawMessage `json:"config"`
	}
	certificate struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			CommonName string    `json:"commonName"`
			DNSNames   []string  `json:"dnsNames"`
			IssuerRef  issuerRef `json:"issuerRef"`
		} `json:"spec"`
	}
	order struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			DNSNames  []string  `json:"dnsNames"`
			IssuerRef issuerRef `json:"issuerRef"`
		} `json:"spec"`
		Status struct {
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"status"`
	}
	challenge struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			DNSName string `json:"dnsName"`
			Type    string `json:"type"`
			Key     string `json:"key"`
		} `json:"spec"`
		Status struct {
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"status"`
	}
	apiService struct {
		Spec struct {
			Service *struct {
				Namespace string `json:"namespace"`
				Name      string `json:"name"`
			} `json:"service"`
		} `json:"spec"`
		Status struct {
			Conditions []condition `json:"conditions"`
		} `json:"status"`
	}
	pod struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			ServiceAccountName string `json:"serviceAccountName"`
			Containers         []struct {
				Args []string `json:"args"`
				Env  []struct {
					Name      string `json:"name"`
					Value     string `json:"value"`
					ValueFrom struct {
						SecretKeyRef *struct {
							Name string `json:"name"`
							Key  string `json:"key"`
						} `json:"secretKeyRef"`
					} `json:"valueFrom"`
				} `json:"env"`
			} `json:"containers"`
		} `json:"spec"`
	}
)

// conditionOf returns the condition of a type; empty if there is none.
func conditionOf(all []condition, of string) condition {
	for _, c := range all {
		if c.Type == of {
			return c
		}
	}
	return condition{}
}
