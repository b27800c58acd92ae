package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Group is the API group of the webhook in tests.
const Group = "acme.example.com"

// Value is the TXT value of a NewChallenge.
const Value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"

// NewChallenge returns a challenge for example.nl, with the API key in the Secret cert-manager/mijn-host-api-key.
func NewChallenge(action whapi.ChallengeAction) whapi.ChallengeRequest {
	return whapi.ChallengeRequest{
		Action: action, Type: "dns-01", DNSName: "example.nl", Key: Value, ResourceNamespace: "cert-manager",
		ResolvedFQDN: "_acme-challenge.example.nl.", ResolvedZone: "example.nl.",
		Config: &apiextensionsv1.JSON{Raw: []byte(`{"apiKeySecretRef":{"name":"mijn-host-api-key","key":"api-key"}}`)},
	}
}

// Answer is the webhook's answer to a challenge. It has only the status unless that is 201.
type Answer struct {
	Status  int
	Success bool
	Message string // reason of a failure
}

// Ask sends a challenge to the webhook as user, as the API server does. Headers are "Name: value".
func Ask(ctx context.Context, client *http.Client, webhook, user string, ch whapi.ChallengeRequest, headers ...string) (Answer, error) {
	body, err := json.Marshal(whapi.ChallengePayload{TypeMeta: typeMeta(whapi.SchemeGroupVersion.String(), "ChallengePayload"), Request: &ch})
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook+"/apis/"+Group+"/v1alpha1/mijn-host", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+user)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		return Answer{Status: resp.StatusCode}, err
	}
	var payload whapi.ChallengePayload
	if err := json.Unmarshal(text, &payload); err != nil || payload.Response == nil {
		return Answer{}, fmt.Errorf("unexpected answer to a challenge: %s", text)
	}
	a := Answer{Status: resp.StatusCode, Success: payload.Response.Success}
	if payload.Response.Result != nil {
		a.Message = payload.Response.Result.Message
	}
	return a, nil
}
