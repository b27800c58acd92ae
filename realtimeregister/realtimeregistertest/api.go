package realtimeregistertest

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Operation is a call of the API.
type Operation string

// The operations. A request that matches none has Operation "". In a Fault, "" means every operation.
const (
	OpListZones  Operation = "GET /dns/zones"
	OpReadZone   Operation = "GET /dns/zones/{id}"
	OpUpdateZone Operation = "POST /dns/zones/{id}/update"
	OpReadDomain Operation = "GET /domains/{name}"
)

// Types of failures. (D)
const (
	typeAuthentication = "AuthenticationError"
	typeAuthorization  = "AuthorizationError"
	typeMissing        = "ObjectDoesNotExist"
	typeProhibited     = "ObjectStatusProhibitsOperation"
	typeTooMany        = "TooManyRequests"
	typeInternal       = "InternalSRSError"
	typeProvider       = "ProviderConnectionError"
	typeUnavailable    = "ProviderUnavailable"
	typeInvalid        = "ValidationError" // (I: one of "most others")
)

// route parses a request. It splits the path before it unescapes it.
func route(r *http.Request) (op Operation, zone int, name string) {
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), BasePath+"/")
	if !found {
		return "", 0, ""
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil || text == "" {
			return "", 0, ""
		}
		parts[i] = text
	}
	switch {
	case len(parts) == 2 && parts[0] == "domains":
		if r.Method == http.MethodGet {
			return OpReadDomain, 0, parts[1]
		}
	case len(parts) < 2 || parts[0] != "dns" || parts[1] != "zones":
	case len(parts) == 2:
		if r.Method == http.MethodGet {
			return OpListZones, 0, r.URL.Query().Get("name")
		}
	default:
		id, err := strconv.Atoi(parts[2])
		if err != nil {
			return "", 0, ""
		}
		if len(parts) == 3 && r.Method == http.MethodGet {
			return OpReadZone, id, ""
		}
		if len(parts) == 4 && parts[3] == "update" && r.Method == http.MethodPost {
			return OpUpdateZone, id, ""
		}
	}
	return "", 0, ""
}

// perform executes a call under the lock.
func (s *Server) perform(c *call) answer {
	s.lock()
	defer s.mu.Unlock()

	who := s.credentials[c.request.Auth]
	switch {
	case who == nil || who.revoked:
		return failure(http.StatusUnauthorized, typeAuthentication, "Invalid credentials")
	case who.refused && s.opts.RefusedAddress == AddressUnauthorized:
		return failure(http.StatusUnauthorized, typeAuthentication, "Address is not allowed")
	case who.refused:
		return s.forbidden("Address is not allowed")
	case c.request.Op == "":
		return s.missing("Not found")
	case c.request.Op == OpListZones:
		return s.listZones(c, who.account)
	case c.request.Op == OpReadDomain:
		return s.readDomain(c, who.account)
	}
	z := s.zone(c.request.Zone)
	if z == nil || z.account != who.account {
		return s.missing("Zone does not exist")
	}
	if c.request.Op == OpReadZone {
		return answer{code: http.StatusOK, zones: []*shown{s.show(c, z, true)}}
	}
	switch kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); {
	case err != nil || kind != "application/json": // (D)
		return failure(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "Content-Type must be application/json")
	case who.readOnly:
		return s.forbidden("UPDATE_DNS_ZONE is required")
	}
	return s.updateZone(c, z)
}

func (s *Server) forbidden(message string) answer {
	if s.opts.ForbiddenEmpty {
		return answer{code: http.StatusForbidden, empty: true}
	}
	return failure(http.StatusForbidden, typeAuthorization, message)
}

func (s *Server) missing(message string) answer {
	return failure(s.opts.missingCode(), typeMissing, message)
}

// readDomain answers with the nameservers and a short form of the zone. (D; its fields: ?)
func (s *Server) readDomain(c *call, account string) answer {
	for _, z := range s.zones {
		if z == nil || z.account != account || z.seed.Unregistered || z.seed.Undelegated || z.seed.Name != c.request.Name {
			continue
		}
		return answer{code: http.StatusOK, body: map[string]any{
			"domainName": z.seed.Name,
			"ns":         z.nameservers(z.now()),
			"zone":       map[string]any{"id": z.id, "service": z.seed.Service, "managed": true},
		}}
	}
	return s.missing("Domain does not exist")
}
