// The webhook answers cert-manager's DNS-01 challenges for domains at mijn.host.
package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/metrics/legacyregistry"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/apiserver"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/metrics"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost/mijnhostcheck"
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
)

func main() {
	// The process waits for months between challenges: memory counts, and the time of the garbage collector does not.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	cmd := newCommand(os.Getenv)
	cmd.SetContext(genericapiserver.SetupSignalContext())
	os.Exit(cli.Run(cmd))
}

// settings are what the flags and the environment say, beside what cert-manager's server reads.
type settings struct {
	group           string
	ambientAPIKey   string
	mijnhostBaseURL string
	allowedDomains  []string
	domainLabel     bool
}

// newCommand is the webhook's server with all flags of cert-manager's webhook library and our own.
func newCommand(getenv func(string) string) *cobra.Command {
	s := settings{group: getenv("GROUP_NAME"), ambientAPIKey: strings.TrimSpace(getenv(keyEnvironment))}
	if s.group == "" {
		s.group = defaultGroup
	}
	o := server.NewWebhookServerOptions(s.group)
	cmd := &cobra.Command{
		Use:     "webhook",
		Short:   "Answer cert-manager's DNS-01 challenges for domains at mijn.host",
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
			m := metrics.New(metrics.Options{Version: version, Commit: commit, DomainLabel: s.domainLabel})
			if err := legacyregistry.Registerer().Register(m); err != nil {
				return err
			}
			return apiserver.Run(cmd.Context(), o, s.solvers(m)...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.mijnhostBaseURL, "mijnhost-base-url", mijnhost.DefaultBaseURL, "Address of the mijn.host API")
	flags.StringSliceVar(&s.allowedDomains, "allowed-domains", nil, "Domains within which challenges are answered at all (all if empty)")
	flags.BoolVar(&s.domainLabel, "metrics-domain-label", false, "Tell the domain of each challenge in the metrics, which everybody who may read them then sees")
	logs.AddFlags(o.Logging, flags)
	o.RecommendedOptions.AddFlags(flags)
	cmd.AddCommand(newCheckCommand(getenv, os.Exit))
	return cmd
}

// newCheckCommand is `webhook check`, with one entry for each DNS host.
func newCheckCommand(getenv func(string) string, exit func(code int)) *cobra.Command {
	return check.NewCommand(check.CommandOptions{
		Version: version, Getenv: getenv, Exit: exit,
		Hosts: []check.Host{
			&mijnhostcheck.Host{API: mijnhost.Options{UserAgent: userAgent()}, KeyVariable: keyEnvironment, ValidateBaseURL: validateBaseURL},
		},
	})
}

// solvers has one line for each DNS host, with the key that is for that host alone.
func (s settings) solvers(m *metrics.Metrics) []apiserver.Solver {
	return []apiserver.Solver{
		s.solver("mijn-host", s.ambientAPIKey, m, mijnhost.NewProvider(mijnhost.Options{
			BaseURL: s.mijnhostBaseURL, UserAgent: userAgent(), Transport: traced(mijnhost.NewTransport()), Observer: m,
		})),
	}
}

func (s settings) solver(name, ambientAPIKey string, m *metrics.Metrics, provider solver.Provider) apiserver.Solver {
	return solver.New(solver.Options{
		Name: name, Provider: provider, AmbientAPIKey: ambientAPIKey, AllowedDomains: s.allowedDomains, Observer: m,
	})
}

// traced gives each request a span below the one of its challenge, if there is one. The DNS host is told nothing of it.
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
	if s.ambientAPIKey != "" {
		if err := solver.ValidateAPIKey(s.ambientAPIKey); err != nil {
			return fmt.Errorf("%s: %w", keyEnvironment, err)
		}
	}
	if err := solver.ValidateDomains(s.allowedDomains); err != nil {
		return fmt.Errorf("--allowed-domains: %w", err)
	}
	return nil
}

// validateBaseURL wants TLS, for the key goes there. A simulator on the same machine can do without.
func validateBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return fmt.Errorf("--mijnhost-base-url must be an https address without user, query or fragment, such as %s (http is for loopback addresses only)",
			mijnhost.DefaultBaseURL)
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
