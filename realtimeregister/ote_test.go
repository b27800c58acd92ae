package realtimeregister_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease/leasetest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
)

// TestTheRealTestEnvironment presents and cleans up against Realtime Register's own test environment, and prints what it
// learns there. It needs RTR_OTE_API_KEY, and in RTR_OTE_ZONE the name of a zone that holds at least one record.
func TestTheRealTestEnvironment(t *testing.T) {
	key, zone := os.Getenv("RTR_OTE_API_KEY"), strings.TrimSuffix(os.Getenv("RTR_OTE_ZONE"), ".")
	if key == "" || zone == "" {
		t.Skip("RTR_OTE_API_KEY and RTR_OTE_ZONE are not set")
	}
	o := realtimeregister.Options{BaseURL: "https://api.yoursrs-ote.com/v2", UserAgent: "cert-manager-webhook-mijn-host/test"}
	client := realtimeregister.NewClient(o, key)
	zones, err := client.Zones(t.Context(), zone)
	if err != nil || len(zones) == 0 {
		t.Fatalf("zone %s: %d found, %v", zone, len(zones), err)
	}
	before, err := client.Zone(t.Context(), zones[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("zones of that name: %d, service %s, %d records, the list and the read agree: %t",
		len(zones), before.Service, len(before.Records), len(zones[0].Records) == len(before.Records))

	leases := kubelease.New("webhook")
	if err = leases.Connect(leasetest.Start(t).Config(nil)); err != nil {
		t.Fatal(err)
	}
	o.Leases = leases
	p := &process{Provider: realtimeregister.NewProvider(o)}
	r := dnshost.TXT{Zone: zone + ".", FQDN: "_acme-challenge.webhook-test." + zone + ".", Service: before.Service}
	step := func(what string, do func() (dnshost.Result, error)) {
		t.Helper()
		begun := time.Now()
		result, failure := do()
		if failure != nil {
			t.Fatalf("%s: %v", what, failure)
		}
		t.Logf("%s: %s, %d calls", what, time.Since(begun).Round(time.Millisecond), result.Calls)
	}
	for i, value := range []string{acme(1), acme(2)} {
		r.Value = value
		step([]string{"one value", "a second one under the same name"}[i], func() (dnshost.Result, error) { return p.Present(t.Context(), key, r) })
	}
	for _, value := range []string{acme(1), acme(2)} {
		r.Value = value
		step("cleaning up", func() (dnshost.Result, error) { return p.CleanUp(t.Context(), key, r) })
	}
	after, err := client.Zone(t.Context(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(after.Records) != len(before.Records) {
		t.Errorf("%d records before, %d after", len(before.Records), len(after.Records))
	}
	if _, err := client.Zone(t.Context(), 1); err != nil {
		t.Logf("a zone that is not ours: %v", err)
	}
	if _, err := realtimeregister.NewClient(o, key+"x").Zones(t.Context(), zone); err != nil {
		t.Logf("a wrong key: %v", err)
	}
}
