package realtimeregistertest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// defaultLimit is the number of zones in a list without a limit. (D)
const defaultLimit = 10

// listZones answers with one page of the zones that match the query. (D) It refuses unknown parameters, because it is
// unknown what the API tolerates.
func (s *Server) listZones(c *call, account string) answer {
	page := &pagination{Limit: defaultLimit}
	var found []*zone
	for _, z := range s.zones {
		if z != nil && z.account == account {
			found = append(found, z)
		}
	}
	for parameter, values := range c.request.Query {
		value := values[0]
		var fits func(*zone) bool
		switch parameter {
		case "limit", "offset":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || parameter == "limit" && n == 0 {
				return failure(http.StatusBadRequest, typeInvalid, fmt.Sprintf("%s is not a number", parameter))
			}
			if parameter == "limit" {
				page.Limit = n
			} else {
				page.Offset = n
			}
			continue
		case "order":
			continue
		case "name":
			fits = func(z *zone) bool { return z.seed.Name == value }
		case "name:like":
			fits = func(z *zone) bool { return strings.Contains(z.seed.Name, strings.Trim(value, "*%")) }
		case "name:in":
			fits = func(z *zone) bool { return slices.Contains(strings.Split(value, ","), z.seed.Name) }
		case "q":
			fits = func(z *zone) bool { return strings.Contains(z.seed.Name, value) }
		case "service":
			fits = func(z *zone) bool { return z.seed.Service == value }
		default:
			return failure(http.StatusBadRequest, typeInvalid, fmt.Sprintf("unknown parameter %q", parameter))
		}
		found = slices.DeleteFunc(found, func(z *zone) bool { return !fits(z) })
	}
	if !order(found, c.request.Query.Get("order")) {
		return failure(http.StatusBadRequest, typeInvalid, "unknown order")
	}
	page.Total = len(found)
	found = found[min(page.Offset, len(found)):]
	found = found[:min(page.Limit, len(found))]
	a := answer{code: http.StatusOK, list: page}
	for _, z := range found {
		a.zones = append(a.zones, s.show(c, z, false))
	}
	return a
}

// order sorts zones by a field; a minus means descending.
func order(zones []*zone, by string) bool {
	field, down := strings.CutPrefix(by, "-")
	switch field {
	case "", "id": // unchanged
	case "name":
		slices.SortStableFunc(zones, func(a, b *zone) int { return strings.Compare(a.seed.Name, b.seed.Name) })
	default:
		return false
	}
	if down {
		slices.Reverse(zones)
	}
	return true
}
