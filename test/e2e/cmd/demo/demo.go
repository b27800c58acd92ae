package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
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

const (
	domain   = "example.nl" // at mijn.host
	wildcard = "*.example.nl"
	apiKey   = "the-api-key-at-mijn-host"

	otherDomain = "voorbeeld.nl" // at Realtime Register
	otherKey    = "the-api-key-at-realtime-register"
)

// patience is the limit for everything.
const patience = 3 * time.Minute

type demo struct {
	out      *narrator
	api      *mijnhosttest.Server
	realtime *realtimeregistertest.Server
	zone     int // of otherDomain
	dns      *hosttest.Listener
	cluster  *cluster.Cluster
}

func (d *demo) run(ctx context.Context) error {
	set, err := binaries.Locate(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not finished after %s", patience))
	defer cancel()

	if err = d.startHosts(); err != nil { //nolint:contextcheck // they run until closed
		return err
	}
	d.out.step("Starting etcd, kube-apiserver, kube-controller-manager, a node, and Pebble (an ACME server).")
	if d.cluster, err = cluster.Start(ctx, set, d.dns.DNSAddr()); err != nil {
		return err
	}
	if err := d.issue(ctx); err != nil {
		return fmt.Errorf("%w\n\n%s", err, d.cluster.Logs(15))
	}
	return nil
}

// startHosts starts simulators of both DNS hosts, and a resolver for the zones of both.
func (d *demo) startHosts() error {
	d.out.step("Starting simulators of mijn.host and Realtime Register: their APIs, and a nameserver for their zones.")
	d.api = mijnhosttest.New(mijnhosttest.Options{Observe: func(change mijnhosttest.Change) {
		r := change.Record
		d.show(change.Added, r.Name, r.TTL, r.Type, r.Value)
	}})
	d.realtime = realtimeregistertest.New(realtimeregistertest.Options{Observe: d.showRealtime})
	d.dns = hosttest.NewListener()
	zones := hosttest.Join(d.api.Zones(), d.realtime.Zones())
	if err := errors.Join(
		d.api.Listen("127.0.0.1:0", ""),
		d.realtime.Listen("127.0.0.1:0", ""),
		d.dns.ListenDNS("127.0.0.1:0", func(query *dns.Msg) *dns.Msg { return hosttest.Answer(zones, query) }),
	); err != nil {
		return err
	}
	d.api.AddAccount(apiKey, domain)
	d.api.SetRecords(domain, []mijnhosttest.Record{
		{Type: "A", Name: "example.nl.", Value: "192.0.2.10", TTL: 3600},
		{Type: "AAAA", Name: "example.nl.", Value: "2001:db8::10", TTL: 3600},
		{Type: "MX", Name: "example.nl.", Value: "10 mail.example.nl.", TTL: 3600},
		{Type: "TXT", Name: "example.nl.", Value: "v=spf1 mx -all", TTL: 3600},
		{Type: "CNAME", Name: "www.example.nl.", Value: "example.nl.", TTL: 3600},
	})
	d.realtime.AddAccount("demo", otherKey)
	d.realtime.DeclareChallenge("_acme-challenge." + otherDomain)
	d.zone = d.realtime.AddZone("demo", realtimeregistertest.Zone{Name: otherDomain, Records: []string{
		realtimeregistertest.Record(otherDomain, "A", "192.0.2.20", 3600),
		realtimeregistertest.PrioRecord(otherDomain, "MX", "mail.voorbeeld.nl", 3600, 10),
		realtimeregistertest.Record(otherDomain, "TXT", "v=spf1 mx -all", 3600),
		realtimeregistertest.Record("www.voorbeeld.nl", "CNAME", otherDomain, 3600),
	}})
	d.out.detail("%s at mijn.host has %d records.", domain, len(d.api.Records(domain)))
	d.out.detail("%s at Realtime Register has %d records.", otherDomain, len(d.realtime.Records(d.zone)))
	return nil
}

func (d *demo) showRealtime(change realtimeregistertest.Change) {
	var record struct {
		Name, Type, Content string
		TTL                 int
	}
	if err := json.Unmarshal([]byte(change.Record), &record); err != nil {
		panic(err) // the simulator rejects invalid records
	}
	d.show(change.Added, record.Name+".", record.TTL, record.Type, record.Content)
}

// show prints every change of a zone.
func (d *demo) show(appeared bool, name string, ttl int, kind, value string) {
	sign := "-"
	if appeared {
		sign = "+"
	}
	d.out.detail("%s  %s  %d  %s  %q", sign, name, ttl, kind, value)
}

func (d *demo) issue(ctx context.Context) error {
	d.out.step("Installing cert-manager with its own Helm chart.")
	if err := d.cluster.InstallCertManager(ctx); err != nil {
		return err
	}
	d.out.step("Installing the webhook with its Helm chart.")
	if err := d.cluster.InstallWebhook(ctx, d.cluster.Webhook(d.api.URL(),
		fmt.Sprintf("realtimeRegister.baseURL=%q", d.realtime.URL()))); err != nil {
		return err
	}

	d.out.step("Creating a Secret with an API key for each host, and a ClusterIssuer with a solver for each.")
	before, otherBefore := d.api.Records(domain), d.realtime.Records(d.zone)
	here, there := cluster.MijnHost(), cluster.RealtimeRegister()
	for _, object := range []client.Object{
		here.NewKeySecret("cert-manager", apiKey),
		there.NewKeySecret("cert-manager", otherKey),
		&cmv1.ClusterIssuer{
			ObjectMeta: metav1.ObjectMeta{Name: "pebble"},
			Spec: d.cluster.IssuerOf(
				d.cluster.Solver(here, cluster.WithoutSelfCheck, domain),
				d.cluster.Solver(there, cluster.WithoutSelfCheck, otherDomain),
			),
		},
	} {
		if err := d.cluster.Client.Create(ctx, object); err != nil {
			return err
		}
	}

	names := []string{domain, wildcard, otherDomain}
	d.out.step("Requesting one certificate for %s.", strings.Join(names, ", "))
	issuer := cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: "pebble"}
	certificate := cluster.NewCertificate("default", "example-nl", issuer, names...)
	if err := d.cluster.Client.Create(ctx, certificate); err != nil {
		return err
	}
	secret, err := d.cluster.AwaitReady(ctx, certificate)
	if err != nil {
		return err
	}
	d.out.step("The certificate has been issued.")
	leaf, err := d.cluster.VerifyChain(ctx, secret, names...)
	if err != nil {
		return err
	}
	if err := cluster.Eventually(ctx, func(context.Context) error {
		if !slices.Equal(before, d.api.Records(domain)) || !slices.Equal(otherBefore, d.realtime.Records(d.zone)) {
			return errors.New("a zone has changed")
		}
		return nil
	}); err != nil {
		return err
	}
	d.describe(leaf)
	d.out.step("Both zones are unchanged, byte for byte.")
	return nil
}

func (d *demo) describe(leaf *x509.Certificate) {
	d.out.detail("names    %s", strings.Join(leaf.DNSNames, ", "))
	d.out.detail("issuer   %s (chain verified)", leaf.Issuer.CommonName)
	d.out.detail("valid    %s to %s", leaf.NotBefore.Format(time.DateTime), leaf.NotAfter.Format(time.DateTime))
}

func (d *demo) explainHowToUse() {
	d.out.step("The cluster keeps running.")
	d.out.detail("to use it:   export KUBECONFIG=%s", d.cluster.Kubeconfig())
	d.out.detail("             %s get certificates --all-namespaces", d.cluster.Program("kubectl"))
	d.out.detail("mijn.host:   %s, key %s", d.api.URL(), apiKey)
	d.out.detail("Realtime R.: %s, key %s", d.realtime.URL(), otherKey)
	d.out.detail("nameserver:  %s", d.dns.DNSAddr())
	d.out.detail("logs:        %s", d.cluster.Dir)
	d.out.detail("to stop it:  kill %d", os.Getpid())
}

func (d *demo) stop() {
	if d.cluster != nil {
		d.cluster.Stop()
	}
	if d.dns != nil { // created together with the other two
		d.dns.Close()
		d.realtime.Close()
		d.api.Close()
	}
}
