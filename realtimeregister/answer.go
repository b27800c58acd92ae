package realtimeregister

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// Types of the API's failures.
const (
	typeConfiguration = "DnsConfigurationException"
	typeMissing       = "ObjectDoesNotExist"
	typeProhibited    = "ObjectStatusProhibitsOperation"
	typeProcess       = "ProcessError"
)

var (
	// errMissing: the object in the request does not exist.
	errMissing = errors.New("not found at Realtime Register")
	// errForbidden: a 403.
	errForbidden = errors.New("forbidden by Realtime Register: the API key requires VIEW_DNS_ZONE and UPDATE_DNS_ZONE")
	// errTransient: a rejection that can be transient.
	errTransient = errors.New("the zone cannot be updated now")
	// errUnnamed: a DnsConfigurationException whose indexes match no record of the request.
	errUnnamed = errors.New("the update was rejected by Realtime Register without naming a record")
)

// readAnswer classifies a response by its HTTP status, then by the type in a failure's body. A success can have no body.
func readAnswer(status int, body []byte) apiclient.Answer {
	answer := apiclient.Answer{Status: status, Data: body}
	empty := len(bytes.TrimSpace(body)) == 0
	if status >= 200 && status <= 299 {
		answer.Unexpected = !empty && !json.Valid(body)
		return answer
	}
	var failure struct {
		Type      string                         `json:"type"`
		Message   string                         `json:"message"`
		Errors    map[string]map[string][]string `json:"errors"`
		Conflicts map[string][]int               `json:"conflicts"`
	}
	if !empty && json.Unmarshal(body, &failure) != nil {
		answer.Unexpected = true
		return answer
	}
	answer.Message = strings.TrimPrefix(failure.Type+": "+failure.Message, ": ")
	switch {
	case status == http.StatusForbidden:
		answer.Kind = errForbidden
	case status == http.StatusNotFound && !empty, status == http.StatusBadRequest && failure.Type == typeMissing:
		answer.Kind = errMissing
	case status != http.StatusBadRequest:
	case failure.Type == typeProhibited, failure.Type == typeProcess:
		answer.Kind = errTransient
	case failure.Type == typeConfiguration:
		answer.Kind = newRefusedRecords(failure.Errors, failure.Conflicts)
	}
	return answer
}

// refusedRecords is a DnsConfigurationException: the rejected records, by index in the request.
type refusedRecords struct {
	faults    map[int]string
	conflicts map[int][]int
}

func newRefusedRecords(faults map[string]map[string][]string, conflicts map[string][]int) *refusedRecords {
	r := &refusedRecords{faults: map[int]string{}, conflicts: map[int][]int{}}
	for index, fields := range faults {
		i, err := strconv.Atoi(index)
		if err != nil {
			continue
		}
		var parts []string
		for field, messages := range fields {
			parts = append(parts, field+" "+strings.Join(messages, ", "))
		}
		slices.Sort(parts)
		r.faults[i] = strings.Join(parts, "; ")
	}
	for index, others := range conflicts {
		if i, err := strconv.Atoi(index); err == nil {
			r.conflicts[i] = others
		}
	}
	return r
}

func (*refusedRecords) Error() string { return "the update was rejected by Realtime Register" }

// refusedBy returns the records that the error of an update names, or nil.
func refusedBy(err error) *refusedRecords {
	var e *apiclient.Error
	var r *refusedRecords
	if errors.As(err, &e) && errors.As(e.Kind, &r) && len(r.faults)+len(r.conflicts) > 0 {
		return r
	}
	return nil
}
