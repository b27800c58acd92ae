package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhosttest"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/binaries"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

const (
	domain   = "example.nl"
	wildcard = "*.example.nl"
	apiKey   = "the-api-key-of-the-demo"
)

// patience with everything that follows the builds.
const patience = 3 * time.Minute

type demo struct {
	out     *narrator
	api     *mijnhosttest.Server
	cluster *cluster.Cluster
}

func (d *demo) run(ctx context.Context) error {
	d.out.step("Building etcd, kube-apiserver, cert-manager, Pebble, Helm and the webhook. The first time this takes minutes.")
	set, err := binaries.BuildTelling(ctx, func(done, of int) { d.out.detail("%d of %d packages compiled.", done, of) })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not done after %s", patience))
	defer cancel()

	if err = d.startAPI(); err != nil {
		return err
	}
	d.out.step("Starting etcd, kube-apiserver, kube-controller-manager, a node, and Pebble, an ACME server.")
	if d.cluster, err = cluster.Start(ctx, set, d.api.DNSAddr()); err != nil {
		return err
	}
	if err := d.issue(ctx); err != nil {
		return fmt.Errorf("%w\n\n%s", err, d.cluster.Logs(15))
	}
	return nil
}

// startAPI plays mijn.host.
func (d *demo) startAPI() error {
	d.out.step("Starting a mijn.host of our own: the API, and nameservers that serve what it stores.")
	d.api = mijnhosttest.New(mijnhosttest.Options{Observe: d.show})
	if err := d.api.Listen("127.0.0.1:0", "127.0.0.1:0"); err != nil {
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
	d.out.detail("%s has %d records.", domain, len(d.api.Records(domain)))
	return nil
}

// show tells of every change of the zone.
func (d *demo) show(change mijnhosttest.Change) {
	sign := "-"
	if change.Appeared {
		sign = "+"
	}
	d.out.detail("%s  %s  %d  %s  %q", sign, change.Record.Name, change.Record.TTL, change.Record.Type, change.Record.Value)
}

func (d *demo) issue(ctx context.Context) error {
	d.out.step("Installing cert-manager with its own Helm chart.")
	if err := d.cluster.InstallCertManager(ctx); err != nil {
		return err
	}
	d.out.step("Installing the webhook with its Helm chart.")
	if err := d.cluster.InstallWebhook(ctx, d.cluster.Webhook(d.api.URL())); err != nil {
		return err
	}

	d.out.step("Creating a Secret with the API key, and a ClusterIssuer.")
	before := d.api.Records(domain)
	if err := d.cluster.Client.Create(ctx, cluster.NewKeySecret("cert-manager", apiKey)); err != nil {
		return err
	}
	if err := d.cluster.Client.Create(ctx, &cmv1.ClusterIssuer{
		ObjectMeta: metav1.ObjectMeta{Name: "pebble"},
		Spec:       d.cluster.IssuerSpec(cluster.WithoutSelfCheck),
	}); err != nil {
		return err
	}

	d.out.step("Asking for a certificate for %s and %s.", domain, wildcard)
	issuer := cmmetav1.IssuerReference{Kind: cmv1.ClusterIssuerKind, Name: "pebble"}
	certificate := cluster.NewCertificate("default", "example-nl", issuer, domain, wildcard)
	if err := d.cluster.Client.Create(ctx, certificate); err != nil {
		return err
	}
	secret, err := d.cluster.AwaitReady(ctx, certificate)
	if err != nil {
		return err
	}
	d.out.step("The certificate is there.")
	leaf, err := d.cluster.VerifyChain(ctx, secret, domain, wildcard)
	if err != nil {
		return err
	}
	if err := cluster.Eventually(ctx, func(context.Context) error {
		if !slices.Equal(before, d.api.Records(domain)) {
			return errors.New("the zone is not what it was before")
		}
		return nil
	}); err != nil {
		return err
	}
	d.describe(leaf)
	d.out.step("The zone is what it was before, byte for byte.")
	return nil
}

func (d *demo) describe(leaf *x509.Certificate) {
	d.out.detail("names    %s", strings.Join(leaf.DNSNames, ", "))
	d.out.detail("issuer   %s (the chain is good)", leaf.Issuer.CommonName)
	d.out.detail("valid    %s to %s", leaf.NotBefore.Format(time.DateTime), leaf.NotAfter.Format(time.DateTime))
}

func (d *demo) explainHowToUse() {
	d.out.step("The cluster stays.")
	d.out.detail("to use it:   export KUBECONFIG=%s", d.cluster.Kubeconfig())
	d.out.detail("             %s get certificates --all-namespaces", d.cluster.Program("kubectl"))
	d.out.detail("mijn.host:   %s, key %s, nameserver %s", d.api.URL(), apiKey, d.api.DNSAddr())
	d.out.detail("logs:        %s", d.cluster.Dir)
	d.out.detail("to stop it:  kill %d", os.Getpid())
}

func (d *demo) stop() {
	if d.cluster != nil {
		d.cluster.Stop()
	}
	if d.api != nil {
		d.api.Close()
	}
}
