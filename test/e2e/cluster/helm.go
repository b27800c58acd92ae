package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Release is an installation of a chart.
type Release struct {
	Name, Namespace, Chart string
	// Values are arguments of `helm --set-json`: KEY=JSON.
	Values []string
}

// Helm runs helm as an administrator, with its own caches and settings, and returns the output.
func (c *Cluster) Helm(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.binaries.Path("helm"), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not reach it; ctx stops it.
	cmd.Env = []string{"KUBECONFIG=" + c.Kubeconfig(), "HOME=" + filepath.Join(c.Dir, "helm")}
	output, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return string(output), nil
}

// Apply installs or upgrades a release, and returns when its Deployments are available.
func (c *Cluster) Apply(ctx context.Context, release Release) error {
	args := []string{
		"upgrade", release.Name, release.Chart, "--install",
		"--namespace=" + release.Namespace, "--create-namespace", "--wait", "--timeout=5m",
	}
	for _, value := range release.Values {
		args = append(args, "--set-json="+value)
	}
	_, err := c.Helm(ctx, args...)
	return err
}

// InstallCertManager installs cert-manager's chart with the required values and these, and returns when its webhook admits
// resources.
func (c *Cluster) InstallCertManager(ctx context.Context, values ...string) error {
	err := c.Apply(ctx, Release{
		Name: "cert-manager", Namespace: "cert-manager", Chart: c.binaries.CertManagerChart,
		Values: slices.Concat([]string{
			"crds.enabled=true",
			"startupapicheck.enabled=false", // not available as a Go module; the dry run below replaces it
			fmt.Sprintf("dns01RecursiveNameservers=%q", c.dns),
			"dns01RecursiveNameserversOnly=true",
		}, c.real.certManagerValues(), values),
	})
	if err != nil {
		return err
	}
	return Eventually(ctx, func(ctx context.Context) error {
		issuer := &cmv1.Issuer{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "dry-run"},
			Spec:       cmv1.IssuerSpec{IssuerConfig: cmv1.IssuerConfig{SelfSigned: &cmv1.SelfSignedIssuer{}}},
		}
		return c.Client.Create(ctx, issuer, client.DryRunAll)
	})
}

// Webhook returns a release of the webhook's chart, for an API at baseURL.
func (c *Cluster) Webhook(baseURL string, values ...string) Release {
	return Release{
		Name: "mijn-host-webhook", Namespace: "cert-manager", Chart: filepath.Join(c.binaries.Root, "deploy", "mijn-host-webhook"),
		Values: append([]string{fmt.Sprintf("mijnHost.baseURL=%q", baseURL)}, values...),
	}
}

// InstallWebhook installs the webhook's chart and returns when the APIService is available.
func (c *Cluster) InstallWebhook(ctx context.Context, release Release) error {
	if err := c.Apply(ctx, release); err != nil {
		return err
	}
	service := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1.acme.mijn.host"}}
	return c.Await(ctx, service, func() error {
		for _, condition := range service.Status.Conditions {
			if condition.Type == apiregistrationv1.Available && condition.Status == apiregistrationv1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("APIService %s is not available: %v", service.Name, service.Status.Conditions)
	})
}
