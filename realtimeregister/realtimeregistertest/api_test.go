package realtimeregistertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestAPI_Access(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		options  Options
		does     func(world)
		auth     string
		method   string
		path     string // %d is the zone id
		headers  []string
		code     int
		wantBody string
	}{
		{"key", Options{}, nil, APIKey(testKey), "GET", "/dns/zones/%d", nil, 200, `"name":"example.nl"`},
		{"login", Options{}, func(w world) { w.AddLogin("reseller", "bot", "secret") }, Basic("reseller", "bot", "secret"), "GET", "/dns/zones/%d", nil, 200, `"id"`},
		{"wrong password", Options{}, func(w world) { w.AddLogin("reseller", "bot", "secret") }, Basic("reseller", "bot", "x"), "GET", "/dns/zones/%d", nil, 401, `"AuthenticationError"`},
		{"no key", Options{}, nil, "", "GET", "/dns/zones/%d", nil, 401, `"AuthenticationError"`},
		{"other scheme", Options{}, nil, "Bearer " + testKey, "GET", "/dns/zones/%d", nil, 401, ``},
		{"revoked key", Options{}, func(w world) { w.RevokeKey(testKey) }, APIKey(testKey), "GET", "/dns/zones/%d", nil, 401, ``},
		{"address refused, 403", Options{}, func(w world) { w.RefuseAddress(testKey) }, APIKey(testKey), "GET", "/dns/zones", nil, 403, `"AuthorizationError"`},
		{"address refused, 403 without body", Options{ForbiddenEmpty: true}, func(w world) { w.RefuseAddress(testKey) }, APIKey(testKey), "GET", "/dns/zones", nil, 403, ``},
		{"address refused, 401", Options{RefusedAddress: AddressUnauthorized}, func(w world) { w.RefuseAddress(testKey) }, APIKey(testKey), "GET", "/dns/zones", nil, 401, ``},
		{"read with read-only key", Options{}, func(w world) { w.SetReadOnly(testKey) }, APIKey(testKey), "GET", "/dns/zones/%d", nil, 200, ``},
		{"write with read-only key", Options{}, func(w world) { w.SetReadOnly(testKey) }, APIKey(testKey), "POST", "/dns/zones/%d/update", nil, 403, `"AuthorizationError"`},
		{"content type not JSON", Options{}, nil, APIKey(testKey), "POST", "/dns/zones/%d/update", []string{"Content-Type", "text/plain"}, 415, ``},
		{"JSON with a charset", Options{}, nil, APIKey(testKey), "POST", "/dns/zones/%d/update", []string{"Content-Type", "application/json; charset=utf-8"}, 200, ``},
		{"unknown zone", Options{}, nil, APIKey(testKey), "GET", "/dns/zones/9", nil, 400, `"ObjectDoesNotExist"`},
		{"unknown zone, 404", Options{Missing: MissingNotFound}, nil, APIKey(testKey), "GET", "/dns/zones/9", nil, 404, `"ObjectDoesNotExist"`},
		{"removed zone", Options{}, func(w world) { w.RemoveZone(w.id) }, APIKey(testKey), "POST", "/dns/zones/%d/update", nil, 400, `"ObjectDoesNotExist"`},
		{"zone of another account", Options{}, func(w world) { w.AddAccount("other", "k") }, APIKey("k"), "GET", "/dns/zones/%d", nil, 400, `"ObjectDoesNotExist"`},
		{"unknown method", Options{}, nil, APIKey(testKey), "DELETE", "/dns/zones/%d", nil, 400, ``},
		{"domain", Options{}, nil, APIKey(testKey), "GET", "/domains/example.nl", nil, 200, `"ns":["ns1.yoursrs.com","ns2.yoursrs.com"]`},
		{"unknown domain", Options{}, nil, APIKey(testKey), "GET", "/domains/example.com", nil, 400, `"ObjectDoesNotExist"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := addZone(Start(t, c.options), Zone{})
			if c.does != nil {
				c.does(w)
			}
			path := c.path
			if strings.Contains(path, "%d") {
				path = fmt.Sprintf(path, w.id)
			}
			got := w.call(t, c.method, path, `{}`, append([]string{"Authorization", c.auth}, c.headers...)...)
			if got.code != c.code || !strings.Contains(got.body, c.wantBody) || c.options.ForbiddenEmpty && got.body != "" {
				t.Errorf("got %d %s", got.code, got.body)
			}
		})
	}
}

func TestListZones(t *testing.T) {
	t.Parallel()
	w := addZone(Start(t, Options{}), Zone{})
	w.AddZone("reseller", Zone{Name: "example.nl", Service: "PREMIUM", Undelegated: true})
	for i := range 23 {
		w.AddZone("reseller", Zone{Name: fmt.Sprintf("z%02d.example", i)})
	}
	w.AddAccount("other")
	w.AddZone("other", Zone{Name: "other.example"})
	for _, c := range []struct {
		query string
		code  int
		names string
		page  pagination
	}{
		{"?name=example.nl", 200, "example.nl example.nl", pagination{10, 0, 2}}, //nolint:dupword // two zones of one name
		{"?name=example.nl&service=PREMIUM", 200, "example.nl", pagination{10, 0, 1}},
		{"?name=xample.nl", 200, "", pagination{10, 0, 0}},
		{"?name=other.example", 200, "", pagination{10, 0, 0}},
		{"?name:in=z00.example,z03.example", 200, "z00.example z03.example", pagination{10, 0, 2}},
		{"?q=z0&limit=2&offset=1", 200, "z01.example z02.example", pagination{2, 1, 10}},
		{"?name:like=z2*&order=-name", 200, "z22.example z21.example z20.example", pagination{10, 0, 3}},
		{"?offset=99", 200, "", pagination{10, 99, 25}},
		{"?limit=x", 400, "", pagination{}},
		{"?nome=example.nl", 400, "", pagination{}},
	} {
		got := w.call(t, "GET", "/dns/zones"+c.query, "")
		var page struct {
			Entities   []struct{ Name string }
			Pagination pagination
		}
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, z := range page.Entities {
			names = append(names, z.Name)
		}
		if got.code != c.code || strings.Join(names, " ") != c.names || page.Pagination != c.page {
			t.Errorf("%s: got %d %v %+v", c.query, got.code, names, page.Pagination)
		}
	}
	if got := w.call(t, "GET", "/dns/zones", ""); strings.Count(got.body, `"createdDate"`) != defaultLimit || !strings.Contains(got.body, foreignRecords()[1]) {
		t.Errorf("got %s", got.body)
	}
}
