package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes"
)

// Ask sends a webhook the same request as cert-manager does for a ClusterIssuer.
func Ask(ctx context.Context, caller kubernetes.Interface, group, domain string, action acme.ChallengeAction) error {
	payload := acme.ChallengePayload{Request: &acme.ChallengeRequest{
		Action: action, Type: "dns-01", DNSName: domain, Key: "value-of-the-test", ResourceNamespace: "cert-manager",
		ResolvedFQDN: "_acme-challenge.steady." + domain + ".", ResolvedZone: domain + ".",
		Config: &apiextensionsv1.JSON{Raw: fmt.Appendf(nil, `{"apiKeySecretRef": {"name": %q, "key": %q}}`,
			KeySecret, KeySecretEntry)},
	}}
	payload.APIVersion, payload.Kind = "webhook.acme.cert-manager.io/v1alpha1", "ChallengePayload"
	body, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	answer, err := caller.Discovery().RESTClient().Post().AbsPath("/apis/"+group+"/v1alpha1/mijn-host").
		SetHeader("Content-Type", "application/json").Body(body).DoRaw(ctx)
	if err != nil {
		return err
	}
	answered := acme.ChallengePayload{}
	if err := json.Unmarshal(answer, &answered); err != nil {
		return err
	}
	if answered.Response == nil || !answered.Response.Success {
		return fmt.Errorf("%s", answer)
	}
	return nil
}
