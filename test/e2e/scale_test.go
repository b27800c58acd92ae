package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestScale requests certificates for SCALE domains at once, half of them at each host, each with its wildcard. All are issued,
// no record is left, and no foreign record changes. `make test` uses 4 domains, `make scale` 200.
func TestScale(t *testing.T) {
	t.Parallel()
	const workers = 60
	domains := number(t, "SCALE", 4)
	s := newSuite(t,
		fmt.Sprintf("maxConcurrentChallenges=%d", max(2*domains, 60)),
		fmt.Sprintf(`extraArgs=["--concurrent-workers=%d", "--kube-api-qps=500", "--kube-api-burst=1000"]`, workers))
	s.api.Reconfigure(func(o *mijnhosttest.Options) { o.RequestLogLimit = 1000 })
	s.realtime.Reconfigure(func(o *realtimeregistertest.Options) { o.RequestLogLimit = 1000 })
	if err := s.InstallWebhook(withLimit(t, startLimit), s.webhookForBoth()); err != nil {
		t.Fatal(err)
	}
	realtime := cluster.RealtimeRegister()
	s.create(t, cluster.NewKeySecret("cert-manager", mijnHostKey), realtime.NewKeySecret("cert-manager", realtimeKey))
	s.realtime.AddAccount("reseller", realtimeKey)

	var names, zoneNames []string
	atMijnHost := map[string][]mijnhosttest.Record{}
	var atRealtime []realtimeZone
	for i := range domains {
		name := fmt.Sprintf("scaled-%d.nl", i)
		names = append(names, name)
		if i%2 == 0 {
			atMijnHost[name] = s.addDomain(mijnHostKey, name)
			continue
		}
		atRealtime = append(atRealtime, s.addZone("reseller", name, "_acme-challenge."+name))
		zoneNames = append(zoneNames, name)
	}
	issuer := s.issuerForBoth(t, "both", zoneNames...)

	limit := 5*time.Minute + time.Duration(domains)*5*time.Second
	peak := s.watchMemory(t)
	start := time.Now()
	for _, name := range names {
		s.create(t, cluster.NewCertificate("default", name, issuer, name, "*."+name))
	}
	s.awaitAll(t, limit)
	elapsed := time.Since(start)
	for domain, before := range atMijnHost {
		s.requireUntouchedWithin(t, soon, domain, before)
	}
	for _, zone := range atRealtime {
		s.requireZoneUntouched(t, zone)
	}
	per := func(calls, certificates int) float64 { return float64(calls) / float64(max(certificates, 1)) }
	t.Logf("%d certificates in %s; calls for each: %.1f at mijn.host, %.1f at Realtime Register; at most %d KiB of anonymous memory",
		domains, elapsed.Round(time.Second), per(s.api.Calls(), len(atMijnHost)), per(s.realtime.Calls(), len(atRealtime)), peak()>>10)
}

// awaitAll waits until every Certificate is Ready.
func (s *suite) awaitAll(t *testing.T, limit time.Duration) {
	t.Helper()
	if err := cluster.Poll(withLimit(t, limit), time.Second, func(ctx context.Context) error {
		certificates := new(cmv1.CertificateList)
		if err := s.Client.List(ctx, certificates, client.InNamespace("default")); err != nil {
			return err
		}
		notReady := 0
		for i := range certificates.Items {
			if !slices.ContainsFunc(certificates.Items[i].Status.Conditions, func(c cmv1.CertificateCondition) bool {
				return c.Type == cmv1.CertificateConditionReady && c.Status == cmmetav1.ConditionTrue
			}) {
				notReady++
			}
		}
		if notReady == 0 {
			return nil
		}
		return fmt.Errorf("%d of %d certificates not Ready", notReady, len(certificates.Items))
	}); err != nil {
		t.Fatal(err)
	}
}

// watchMemory samples the webhook's memory until the returned function is called. That function returns the maximum in bytes.
func (s *suite) watchMemory(t *testing.T) (peak func() int) {
	t.Helper()
	done, most := make(chan struct{}), 0
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			if now, err := s.WebhookMemory(); err == nil {
				most = max(most, now)
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() int {
		close(done)
		watching.Wait()
		return most
	}
}
