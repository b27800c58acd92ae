package mijnhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// Kinds of failure, for errors.Is, besides those of apiclient.
var (
	// ErrNotManaged: the account has the domain, but its nameservers are elsewhere.
	ErrNotManaged = errors.New("mijn.host does not manage the DNS of this domain: its nameservers are elsewhere")
	// ErrNoDomain: no domain of the account contains the name.
	ErrNoDomain = errors.New("no matching domain in the mijn.host account of this API key")
	// ErrNameInUse: PATCH might replace a value under this name that another challenge needs.
	ErrNameInUse = errors.New("another challenge is using this DNS name")
	// ErrForeignTXT: PATCH might replace a value under this name that is not from an ACME challenge.
	ErrForeignTXT = errors.New("refusing to write because mijn.host might replace another TXT record")
	// ErrAddressRefused: the API key does not allow the caller's IP address.
	ErrAddressRefused = errors.New("this cluster's IP address is not on the allow-list of the mijn.host API key")
	// ErrUnseen: reads do not show a value of this process yet, so it may still exist.
	ErrUnseen = errors.New("mijn.host does not list the record yet, so its removal cannot be confirmed; retrying")
)

// readAnswer decodes the envelope of a response. The status in the body overrules a 2xx, because clients have seen failures with
// HTTP 200.
func readAnswer(status int, body []byte) apiclient.Answer {
	// Status is a number, or the string "error" (documented for failures).
	var envelope struct {
		Status      json.RawMessage `json:"status"`
		Description string          `json:"status_description"`
		Data        json.RawMessage `json:"data"`
	}
	answer := apiclient.Answer{Status: status}
	if len(bytes.TrimSpace(body)) > 0 && json.Unmarshal(body, &envelope) != nil {
		answer.Unexpected = true
		return answer
	}
	answer.Data, answer.Message = envelope.Data, envelope.Description
	if inner, ok := bodyStatus(envelope.Status); !ok && status >= 200 && status <= 299 {
		answer.Status = inner
	}
	switch message := strings.ToLower(envelope.Description); {
	case strings.Contains(message, "not managed by mijn.host"):
		answer.Kind = ErrNotManaged
	case answer.Status == http.StatusUnauthorized && strings.Contains(message, "whitelist"):
		answer.Kind = ErrAddressRefused
	}
	return answer
}

// bodyStatus returns the status in a body, and whether it means success. A failure outside of HTTP's range counts as 400.
func bodyStatus(raw json.RawMessage) (status int, ok bool) {
	text := string(bytes.Trim(raw, `"`))
	if text == "" || text == "null" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && (n == 0 || n >= 200 && n <= 299):
		return n, true
	case err == nil && n >= 300 && n <= 599:
		return n, false
	default:
		return http.StatusBadRequest, false
	}
}
