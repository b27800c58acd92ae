package e2e

import (
	"context"
	"log"
	"os"
	"slices"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/miekg/dns"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/hosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistertest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// TestMain builds the programs, so that no test uses old ones.
func TestMain(m *testing.M) {
	if err := binaries.Build(context.Background(), func(int, int) {}); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

// suite is a cluster with cert-manager and simulators of both hosts. Tests that share it use their own domains and namespaces.
type suite struct {
	*cluster.Cluster
	api *mijnhosttest.Server
	// realtime fails the test if an update does preventable harm.
	realtime *realtimeregistertest.Server
	// before121 is true for cert-manager before 1.21: an issuer cannot disable its self-check, and it still warns about a change
	// in 1.18.
	before121 bool
}

// selfCheck is the limit for cert-manager's self-check.
const selfCheck = 4 * time.Minute

// startLimit is the limit for starting the cluster and each chart, on a machine that also compiles and lints.
const startLimit = 5 * time.Minute

// newSuite starts a cluster, with these values for cert-manager's chart.
func newSuite(t *testing.T, values ...string) *suite {
	t.Helper()
	set, err := binaries.Locate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("cert-manager %s on Kubernetes %s", set.CertManagerVersion, set.KubernetesVersion)
	s := &suite{
		api:       mijnhosttest.Start(t, mijnhosttest.Options{}),
		realtime:  realtimeregistertest.Start(t, realtimeregistertest.Options{}),
		before121: set.CertManagerBefore(21),
	}
	ctx := withLimit(t, startLimit)
	if s.Cluster, err = cluster.Start(ctx, set, s.serveZones(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Logs(25))
		}
		s.Stop()
	})
	if err := s.InstallCertManager(ctx, values...); err != nil {
		t.Fatal(err)
	}
	return s
}

// serveZones serves the zones of both hosts, and returns the address.
func (s *suite) serveZones(t *testing.T) string {
	t.Helper()
	zones := hosttest.Join(s.api.Zones(), s.realtime.Zones())
	front := hosttest.NewListener()
	if err := front.ListenDNS("127.0.0.1:0", func(query *dns.Msg) *dns.Msg { return hosttest.Answer(zones, query) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	return front.DNSAddr()
}

// withLimit returns a context with a deadline whose cause names the limit.
func withLimit(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, lateError{limit})
	t.Cleanup(cancel)
	return ctx
}

type lateError struct{ limit time.Duration }

func (e lateError) Error() string { return "timed out after " + e.limit.String() }

// create creates objects on the API server.
func (s *suite) create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := s.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// leftOver is a foreign value under a challenge's name, in the form of an ACME value.
const leftOver = "left-over-of-another-client________________"

// addDomain adds a domain with foreign records to an account, and returns the records.
func (s *suite) addDomain(apiKey, domain string) []mijnhosttest.Record {
	absolute := domain + "."
	records := []mijnhosttest.Record{
		{Type: "A", Name: absolute, Value: "192.0.2.10", TTL: 3600},
		{Type: "AAAA", Name: absolute, Value: "2001:db8::10", TTL: 3600},
		{Type: "MX", Name: absolute, Value: "10 mail." + absolute, TTL: 3600},
		{Type: "TXT", Name: absolute, Value: "v=spf1 mx -all", TTL: 900},
		{Type: "TXT", Name: "quotes." + absolute, Value: `"een ""citaat"" – zó"`, TTL: 300},
		{Type: "CNAME", Name: "WWW." + absolute, Value: absolute, TTL: 3600},
		{Type: "SRV", Name: "_sip._tcp." + absolute, Value: "10 5 5060 sip." + absolute, TTL: 3600},
		{Type: "TXT", Name: "_acme-challenge." + absolute, Value: leftOver, TTL: 60},
	}
	s.api.AddAccount(apiKey, domain)
	s.api.SetRecords(domain, records)
	return s.api.Records(domain)
}

// requireUntouched waits until a zone is byte for byte the same as before.
func (s *suite) requireUntouched(t *testing.T, domain string, before []mijnhosttest.Record) {
	t.Helper()
	s.requireUntouchedWithin(t, 30*time.Second, domain, before)
}

func (s *suite) requireUntouchedWithin(t *testing.T, limit time.Duration, domain string, before []mijnhosttest.Record) {
	t.Helper()
	if s.before121 {
		limit += selfCheck // self-checks of other challenges occupy the workers
	}
	if err := cluster.Eventually(withLimit(t, limit), func(context.Context) error {
		if now := s.api.Records(domain); !slices.Equal(before, now) {
			return differentZone{before, now}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

type differentZone struct{ before, now []mijnhosttest.Record }

func (e differentZone) Error() string {
	text := "the zone has changed:"
	for _, record := range e.before {
		if !slices.Contains(e.now, record) {
			text += "\n- " + line(record)
		}
	}
	for _, record := range e.now {
		if !slices.Contains(e.before, record) {
			text += "\n+ " + line(record)
		}
	}
	return text
}

func line(r mijnhosttest.Record) string { return r.Name + " " + r.Type + " " + r.Value }

// clusterIssuer creates a ClusterIssuer and returns a reference to it.
func (s *suite) clusterIssuer(t *testing.T, name string, check cluster.SelfCheck) cmmetav1.IssuerReference {
	t.Helper()
	s.create(t, &cmv1.ClusterIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: s.IssuerSpec(check)})
	return cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: name}
}

// issuer creates an Issuer for a host in a namespace, with its own API key.
func (s *suite) issuer(t *testing.T, host cluster.Host, namespace, apiKey string) cmmetav1.IssuerReference {
	t.Helper()
	s.create(t,
		host.NewKeySecret(namespace, apiKey),
		&cmv1.Issuer{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: host.Solver},
			Spec:       s.IssuerOf(s.Solver(host, cluster.WithoutSelfCheck)),
		})
	return cmmetav1.IssuerReference{Kind: cmv1.IssuerKind, Name: host.Solver}
}

// requireCertificate creates a Certificate, waits until it is Ready, and verifies it.
func (s *suite) requireCertificate(t *testing.T, limit time.Duration, certificate *cmv1.Certificate) {
	t.Helper()
	s.create(t, certificate)
	s.requireReady(t, limit, certificate)
}

// requireReady waits until a Certificate is Ready and verifies it.
func (s *suite) requireReady(t *testing.T, limit time.Duration, certificate *cmv1.Certificate) {
	t.Helper()
	if s.before121 {
		limit += selfCheck
	}
	ctx := withLimit(t, limit)
	secret, err := s.AwaitReady(ctx, certificate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyChain(ctx, secret, certificate.Spec.DNSNames...); err != nil {
		t.Error(err)
	}
}
