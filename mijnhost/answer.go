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

// Kinds of failure of this host, for errors.Is; those of any host are in apiclient.
var (
	// ErrNotManaged: the domain is in the account, and its nameservers are elsewhere.
	ErrNotManaged = errors.New("mijn.host does not manage the DNS of this domain: its nameservers are elsewhere")
	// ErrNoDomain: no domain of the account covers the name.
	ErrNoDomain = errors.New("no matching domain in the mijn.host account of this API key")
	// ErrNameInUse: PATCH may replace values, and another challenge still needs its value under this name.
	ErrNameInUse = errors.New("another challenge is using this DNS name")
	// ErrForeignTXT: PATCH may replace values, and one under this name is no ACME challenge's.
	ErrForeignTXT = errors.New("refusing to write because mijn.host might replace another TXT record")
	// ErrAddressRefused: the API key does not allow the caller's IP address.
	ErrAddressRefused = errors.New("this cluster's IP address is not on the allow-list of the mijn.host API key")
	// ErrUnseen: a value that this process has sent is not shown yet, so that it may still stand.
	ErrUnseen = errors.New("mijn.host does not list the record yet, so its removal cannot be confirmed; retrying")
)

// readAnswer opens the envelope of an answer. Success is HTTP 2xx and a status in the body that is absent, 0 or 2xx: some
// clients have met a failure inside a 200.
func readAnswer(status int, body []byte) apiclient.Answer {
	// Status is a number or, in documented failures, the string "error".
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
	switch said := strings.ToLower(envelope.Description); {
	case strings.Contains(said, "not managed by mijn.host"):
		answer.Kind = ErrNotManaged
	case answer.Status == http.StatusUnauthorized && strings.Contains(said, "whitelist"):
		answer.Kind = ErrAddressRefused
	}
	return answer
}

// bodyStatus reads the status inside a body, and whether it means success. A failure that does not name a status in HTTP's range
// counts as 400.
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
