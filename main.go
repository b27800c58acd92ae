// The webhook solves cert-manager's DNS-01 challenges for domains at mijn.host and Realtime Register.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	cmserver "github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/issuer"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/keylock/kubelease"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/metrics"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/server"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/realtimeregister/realtimeregistercheck"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/solver"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
	date    = "unknown"
)

const (
	defaultGroup   = "acme.mijn.host"
	keyEnvironment = "MIJNHOST_API_KEY"

	realtimeRegisterKeyEnvironment = "REALTIMEREGISTER_API_KEY"

	// Defaults of flags, so that the server and `webhook check` in the same pod have the same settings.
	mijnhostURLEnvironment         = "MIJNHOST_BASE_URL"
	realtimeRegisterURLEnvironment = "REALTIMEREGISTER_BASE_URL"
	allowedDomainsEnvironment      = "ALLOWED_DOMAINS"
	leaseNamespaceEnvironment      = "POD_NAMESPACE"
)

func main() {
	cmd := newCommand(os.Getenv)
	cmd.SetContext(genericapiserver.SetupSignalContext())
	os.Exit(cli.Run(cmd))
}

// settings come from flags and the environment, beyond those of cert-manager's server library.
type settings struct {
	ambientAPIKey     string
	mijnhostBaseURL   string
	mijnhostPatchAdds []string
	allowedDomains    []string
	domainLabel       bool

	realtimeRegisterAPIKey  string
	realtimeRegisterBaseURL string
	leaseNamespace          string
}

// newCommand returns the server, with its own flags and those of cert-manager's webhook library.
func newCommand(getenv func(string) string) *cobra.Command {
	s := settings{
		ambientAPIKey:          strings.TrimSpace(getenv(keyEnvironment)),
		realtimeRegisterAPIKey: strings.TrimSpace(getenv(realtimeRegisterKeyEnvironment)),
	}
	o := cmserver.NewWebhookServerOptions(cmp.Or(getenv("GROUP_NAME"), defaultGroup))
	cmd := &cobra.Command{
		Use:     "webhook",
		Short:   "Solve cert-manager's DNS-01 challenges for domains at mijn.host and Realtime Register",
		Version: fmt.Sprintf("%s (commit %s, %s)", version, commit, date),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.validate(); err != nil {
				return err
			}
			if err := o.Complete(); err != nil {
				return err
			}
			if err := o.Validate(args); err != nil {
				return err
			}
			solvers, err := s.solvers(legacyregistry.Registerer())
			if err != nil {
				return err
			}
			return server.Run(cmd.Context(), o, solvers...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.mijnhostBaseURL, "mijnhost-base-url", cmp.Or(getenv(mijnhostURLEnvironment), mijnhost.DefaultBaseURL),
		"URL of the mijn.host API (default: $"+mijnhostURLEnvironment+")")
	flags.StringSliceVar(&s.mijnhostPatchAdds, "mijnhost-patch-adds", nil,
		"Domains where mijn.host's PATCH adds a TXT value to an RRset instead of replacing the RRset, as measured by 'webhook check'")
	flags.StringVar(&s.realtimeRegisterBaseURL, "realtimeregister-base-url", cmp.Or(getenv(realtimeRegisterURLEnvironment), realtimeregister.DefaultBaseURL),
		"URL of the Realtime Register API (default: $"+realtimeRegisterURLEnvironment+")")
	flags.StringVar(&s.leaseNamespace, "lease-namespace", getenv(leaseNamespaceEnvironment),
		"Namespace for the Leases that ensure only one replica writes a zone at a time (default: $"+leaseNamespaceEnvironment+")")
	flags.StringSliceVar(&s.allowedDomains, "allowed-domains", check.SplitList(getenv(allowedDomainsEnvironment)),
		"Domains to solve challenges for, including their subdomains; empty allows all (default: $"+allowedDomainsEnvironment+")")
	flags.BoolVar(&s.domainLabel, "metrics-domain-label", false, "Add the domain of each challenge to the metrics, where everyone who can read metrics sees it")
	logs.AddFlags(o.Logging, flags)
	o.RecommendedOptions.AddFlags(flags)
	cmd.AddCommand(newCheckCommand(getenv, os.Exit))
	return cmd
}

// newCheckCommand returns `webhook check`, with one entry for each DNS host.
func newCheckCommand(getenv func(string) string, exit func(code int)) *cobra.Command {
	return check.NewCommand(check.CommandOptions{
		Version: version, Commit: commit, Getenv: getenv, Exit: exit,
		AllowedDomains: check.SplitList(getenv(allowedDomainsEnvironment)), ValidateDomains: solver.ValidateDomains,
		Planner: issuer.Planner{
			KeyVariables: map[string]string{"mijn-host": keyEnvironment, "realtime-register": realtimeRegisterKeyEnvironment}, ReadConfig: readSolverConfig,
		},
		Settings: map[string]string{
			mijnhostURLEnvironment: "mijnhost-base-url", realtimeRegisterURLEnvironment: "realtimeregister-base-url",
			allowedDomainsEnvironment: "allowed-domains", leaseNamespaceEnvironment: "lease-namespace",
		},
		Hosts: []check.Host{
			&mijnhostcheck.Host{
				API:         mijnhost.Options{BaseURL: getenv(mijnhostURLEnvironment), UserAgent: userAgent()},
				KeyVariable: keyEnvironment, ValidateBaseURL: validateBaseURL,
			},
			&realtimeregistercheck.Host{
				API:         realtimeregister.Options{BaseURL: getenv(realtimeRegisterURLEnvironment), UserAgent: userAgent()},
				KeyVariable: realtimeRegisterKeyEnvironment, ValidateBaseURL: validateRealtimeRegisterBaseURL,
				LeaseNamespace: getenv(leaseNamespaceEnvironment),
			},
		},
	})
}

// readSolverConfig decodes the config of a solver in an Issuer as the solver does.
func readSolverConfig(name string, raw []byte) (check.SolverConfig, error) {
	rules, flags := solver.ConfigRules{}, map[string]string{}
	if name == "realtime-register" {
		rules = realtimeRegisterRules()
		flags["realtimeregister-service"] = ""
	}
	c, err := rules.Parse(&apiextensionsv1.JSON{Raw: raw})
	if err != nil {
		return check.SolverConfig{}, err
	}
	if c.TTL != nil {
		flags["ttl"] = strconv.FormatInt(*c.TTL, 10)
	}
	if c.Service != nil {
		flags["realtimeregister-service"] = *c.Service
	}
	read := check.SolverConfig{Flags: flags}
	if c.APIKeySecretRef != nil {
		read.Secret, read.Entry = c.APIKeySecretRef.Name, c.APIKeySecretRef.Key
	}
	return read, nil
}

func realtimeRegisterRules() solver.ConfigRules {
	return solver.ConfigRules{MinTTL: realtimeregister.MinTTL, MaxTTL: realtimeregister.MaxTTL, Services: realtimeregister.Services()}
}

// solvers returns a solver for each DNS host, with that host's ambient key, and registers their metrics.
func (s settings) solvers(registry prometheus.Registerer) ([]server.Solver, error) {
	mijnHost := metrics.New(metrics.Options{Provider: "mijn-host", Operations: mijnhost.Operations(), DomainLabel: s.domainLabel})
	realtimeRegister := metrics.New(metrics.Options{
		Provider: "realtime-register", Operations: realtimeregister.Operations(), DomainLabel: s.domainLabel,
	})
	for _, m := range []prometheus.Collector{metrics.NewBuildInfo(version, commit), mijnHost, realtimeRegister} {
		if err := registry.Register(m); err != nil {
			return nil, err
		}
	}
	challenges, large := &solver.Challenges{}, apiclient.NewLargeAnswers()
	leases := kubelease.New(s.leaseNamespace)
	return []server.Solver{
		solver.New(solver.Options{
			Name: "mijn-host", AmbientAPIKey: s.ambientAPIKey, AllowedDomains: s.allowedDomains, Observer: mijnHost,
			Challenges: challenges, Connect: leases.Connect,
			Provider: mijnhost.NewProvider(mijnhost.Options{
				BaseURL: s.mijnhostBaseURL, UserAgent: userAgent(), Transport: traced(apiclient.NewTransport()), Observer: mijnHost,
				LargeAnswers: large, PatchAdds: s.mijnhostPatchAdds, Needed: challenges.Needed, Leases: leases,
			}),
		}),
		solver.New(solver.Options{
			Name: "realtime-register", AmbientAPIKey: s.realtimeRegisterAPIKey, AllowedDomains: s.allowedDomains, Observer: realtimeRegister,
			Config:     realtimeRegisterRules(),
			Challenges: challenges, Connect: leases.Connect,
			Provider: realtimeregister.NewProvider(realtimeregister.Options{
				BaseURL: s.realtimeRegisterBaseURL, UserAgent: userAgent(), Transport: traced(apiclient.NewTransport()), Observer: realtimeRegister,
				LargeAnswers: large, Leases: leases, Log: klog.Background(),
			}),
		}),
	}, nil
}

// traced starts a span for each request, as a child of its challenge's span. It sends no trace headers to the DNS host.
func traced(transport http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(transport,
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Host }))
}

func userAgent() string {
	return fmt.Sprintf("cert-manager-webhook-mijn-host/%s (commit %s; built %s)", version, commit, date)
}

func (s settings) validate() error {
	if err := validateBaseURL(s.mijnhostBaseURL); err != nil {
		return err
	}
	if err := validateRealtimeRegisterBaseURL(s.realtimeRegisterBaseURL); err != nil {
		return err
	}
	for variable, key := range map[string]string{keyEnvironment: s.ambientAPIKey, realtimeRegisterKeyEnvironment: s.realtimeRegisterAPIKey} {
		if key == "" {
			continue
		}
		if err := solver.ValidateAPIKey(key); err != nil {
			return fmt.Errorf("%s: %w", variable, err)
		}
	}
	if ns := s.leaseNamespace; ns != "" && len(utilvalidation.IsDNS1123Label(ns)) > 0 {
		return errors.New("--lease-namespace must be a valid namespace name")
	}
	if err := solver.ValidateDomains(s.allowedDomains); err != nil {
		return fmt.Errorf("--allowed-domains: %w", err)
	}
	if err := solver.ValidateDomains(s.mijnhostPatchAdds); err != nil {
		return fmt.Errorf("--mijnhost-patch-adds: %w", err)
	}
	return nil
}

func validateBaseURL(text string) error {
	return validateURL("--mijnhost-base-url", mijnhost.DefaultBaseURL, text)
}

func validateRealtimeRegisterBaseURL(text string) error {
	return validateURL("--realtimeregister-base-url", realtimeregister.DefaultBaseURL, text)
}

// validateURL requires https, because the key is sent there. Plain http is for a simulator on a loopback address.
func validateURL(flag, example, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return fmt.Errorf("%s must be an https URL without user, query or fragment, such as %s (http is allowed for loopback addresses only)", flag, example)
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
