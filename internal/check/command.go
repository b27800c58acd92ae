package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/keysource"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/check/progress"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnsname"
)

const exitUsage = 2

// CommandOptions are what the command needs from the program.
type CommandOptions struct {
	// Version and Commit identify the build.
	Version, Commit string
	// AllowedDomains is the default of --allowed-domains. ValidateDomains returns an error if the flag's value is invalid.
	AllowedDomains  []string
	ValidateDomains func([]string) error
	// Hosts are the DNS hosts that can be checked.
	Hosts []Host
	// Planner reads Issuers. Settings maps the webhook's environment variables to the flags that they set.
	Planner  Planner
	Settings map[string]string
	// Getenv reads the environment.
	Getenv func(string) string
	// Exit ends the process.
	Exit func(code int)
}

// checkFlags are the values of the command's flags.
type checkFlags struct {
	provider                             string
	domain, ca                           string
	keyFile, secret, secretKey, kubeconf string
	resolver                             string
	nameserverPort                       uint16
	ttl                                  int
	timeout                              time.Duration
	readOnly, write                      bool
	allowedDomains                       []string
	removeValue                          string
	ask                                  Ask
	output                               string
}

const (
	outputText = "text"
	outputJSON = "json"
)

// NewCommand returns `webhook check`. The command ends the process through Exit: 0 if all is well, 1 if it found a problem,
// 2 if the result is inconclusive or the command line is invalid.
func NewCommand(o CommandOptions) *cobra.Command {
	var f checkFlags
	var names, providers, variables, risks []string
	for _, h := range o.Hosts {
		names, providers, variables = append(names, h.Name()), append(providers, h.Provider()), append(variables, h.Key().Variable)
		if h.Risk() != "" {
			risks = append(risks, h.Name())
		}
	}
	cmd := &cobra.Command{
		Use:   "check {--domain DOMAIN | --issuer [NAMESPACE/]NAME | --cluster-issuer NAME | --certificate NAMESPACE/NAME}",
		Short: "Check that certificates can be issued for a domain at " + strings.Join(names, " or "),
		Long: "Check the API key, the domain, its delegation and its CAA records. Then write a probe record under a random name, " +
			"wait until the API and each nameserver serve it, measure how the API handles it, and remove it." + withRisk(risks) + "\n\n" +
			"The API key comes from --api-key-file or --secret (with --provider), or from the environment variable " + strings.Join(variables, " or ") + ".\n\n" +
			"Exit codes: 0 all is well, 1 problem found, 2 inconclusive or invalid command line.",
		Example: "  webhook check --domain example.nl --provider mijn-host --api-key-file key.txt\n" +
			"  webhook check --domain '*.example.nl' --provider mijn-host --secret cert-manager/mijn-host-api-key --read-only\n" +
			"  webhook check --certificate default/example-nl",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			code, err := f.start(cmd.Context(), cmd, args, o)
			if err != nil {
				return usage(cmd, err, o.Exit)
			}
			o.Exit(code)
			return nil
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err, o.Exit) })
	flags := cmd.Flags()
	flags.StringVar(&f.domain, "domain", "", "DNS name to check, such as example.nl or '*.example.nl'")
	flags.StringVar(&f.ask.Issuer, "issuer", "", "Issuer to check, as [NAMESPACE/]NAME (default namespace: that of the kubeconfig's context)")
	flags.StringVar(&f.ask.ClusterIssuer, "cluster-issuer", "", "ClusterIssuer to check, as NAME")
	flags.StringVar(&f.ask.Certificate, "certificate", "", "Certificate to check with all its DNS names, as NAMESPACE/NAME")
	flags.StringVar(&f.ask.ResourceNamespace, "cluster-resource-namespace", "cert-manager", "cert-manager's cluster resource namespace, which contains the Secrets of ClusterIssuers")
	flags.StringVar(&f.keyFile, "api-key-file", "", "File that contains the API key; requires --provider")
	flags.StringVar(&f.secret, "secret", "", "Secret that contains the API key, as NAMESPACE/NAME; requires --provider")
	flags.StringVar(&f.secretKey, "secret-key", "api-key", "Key within the Secret")
	flags.StringVar(&f.kubeconf, "kubeconfig", "", "Kubeconfig of the cluster (default: $KUBECONFIG, ~/.kube/config, or the pod's ServiceAccount)")
	flags.StringVar(&f.removeValue, "remove-value", "", "TXT value to remove from the challenge's name, exactly as the report lists it. No probe record is written")
	flags.StringSliceVar(&f.allowedDomains, "allowed-domains", o.AllowedDomains, "Domains that the webhook may solve challenges for; empty allows all (default: $ALLOWED_DOMAINS)")
	flags.BoolVar(&f.readOnly, "read-only", false, "Do not write a probe record")
	if len(risks) > 0 {
		flags.BoolVar(&f.write, "write", false, "Write a probe record at "+strings.Join(risks, " or ")+" too, where each write replaces the whole zone")
	}
	flags.StringVarP(&f.output, "output", "o", outputText, "Output format: text or json")
	flags.StringVar(&f.ca, "ca", "letsencrypt.org", "Issuer domain name of the CA in CAA records")
	flags.IntVar(&f.ttl, "ttl", 60, "TTL of the probe record in seconds")
	flags.DurationVar(&f.timeout, "timeout", 3*time.Minute, "Time limit of the check. Removing the probe record can take 90 s more")
	flags.StringVar(&f.resolver, "resolver", "", "DNS resolver, as HOST:PORT (default: the system's)")
	for _, h := range o.Hosts {
		h.AddFlags(flags)
	}
	flags.StringVar(&f.provider, "provider", "", fmt.Sprintf(
		"DNS host of the domain, by its solver name: %s (default: the one whose API key is in the environment)", strings.Join(providers, " or ")))
	flags.Uint16Var(&f.nameserverPort, "nameserver-port", 0, "Port of nameservers, for tests (default 53)")
	cobra.CheckErr(flags.MarkHidden("nameserver-port"))
	return cmd
}

func withRisk(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return " At " + strings.Join(hosts, " and at ") + ", nothing is written without --write or --remove-value."
}

// usage prints what is wrong with the command line and exits.
func usage(cmd *cobra.Command, err error, exit func(int)) error {
	cmd.PrintErrf("Error: %v\nSee `%s --help`.\n", err, cmd.CommandPath())
	exit(exitUsage)
	return err
}

// start runs the check and returns the exit code. An error means that the command line is invalid.
func (f *checkFlags) start(ctx context.Context, cmd *cobra.Command, args []string, given CommandOptions) (int, error) {
	if err := f.validate(args); err != nil {
		return 0, err
	}
	if f.plans() {
		return f.runPlan(ctx, cmd, given)
	}
	text := f.text(cmd)
	result, err := f.run(ctx, cmd, given, Options{Name: f.domain, OnStep: text.Step})
	if err != nil {
		return 0, err
	}
	text.Conclusion(result)
	text.Origin(given.Version, given.Commit, result.APICalls)
	return f.finish(cmd.OutOrStdout(), text, result, result.Outcome)
}

// text returns the writer of the text report. It discards the text if the report is JSON.
func (f *checkFlags) text(cmd *cobra.Command) *Text {
	if f.output == outputJSON {
		return NewText(io.Discard)
	}
	return NewText(cmd.OutOrStdout())
}

// finish writes the report if it is JSON, and returns the exit code: exitUsage if the report could not be written.
func (f *checkFlags) finish(out io.Writer, text *Text, report any, outcome Outcome) (int, error) {
	err := text.Err()
	if f.output == outputJSON {
		err = writeJSON(out, report)
	}
	if err != nil {
		return exitUsage, nil //nolint:nilerr // no one reads the report, so no one would read the error
	}
	return outcome.ExitCode(), nil
}

// run checks one name. o has the settings of its solver, if known.
func (f *checkFlags) run(ctx context.Context, cmd *cobra.Command, given CommandOptions, o Options) (*Result, error) {
	if f.keyFile != "" && f.secret != "" {
		return nil, errors.New("--api-key-file and --secret are mutually exclusive")
	}
	host, err := f.host(given.Hosts, given.Getenv)
	if err != nil {
		return nil, err
	}
	key, err := f.keySource(host.Key(), given.Getenv)
	if err != nil {
		return nil, err
	}
	if given.ValidateDomains != nil {
		if err = given.ValidateDomains(f.allowedDomains); err != nil {
			return nil, fmt.Errorf("--allowed-domains: %w", err)
		}
	}
	network, err := NewNetwork(f.resolver, f.nameserverPort)
	if err != nil {
		return nil, err
	}
	o.Key, o.Host, o.DNS = key, host, network
	return f.report(ctx, cmd, given, o)
}

// report runs a check and reports each step to o.OnStep as it ends.
func (f *checkFlags) report(ctx context.Context, cmd *cobra.Command, given CommandOptions, o Options) (*Result, error) {
	ctx, stop := untilHangUp(ctx)
	defer stop()
	line := progress.NewLine(cmd.ErrOrStderr())
	defer context.AfterFunc(ctx, func() {
		line.Say("Interrupted. Removing the probe record. A second Ctrl-C would leave it in the zone.")
	})()
	o.CA, o.TTL, o.ReadOnly, o.Write, o.Timeout = dnsname.TrimDot(f.ca), f.ttl, f.readOnly, f.write, f.timeout
	o.Version, o.Commit, o.AllowedDomains, o.RemoveValue = given.Version, given.Commit, f.allowedDomains, f.removeValue
	o.Cluster = func() (*rest.Config, error) { return keysource.Cluster(f.kubeconf) }
	o.OnProgress, o.OnAside = line.Show, line.Say
	if given.Planner != nil {
		o.Challenges = func(ctx context.Context) (map[string]string, error) {
			config, err := o.Cluster()
			if err != nil {
				return nil, err
			}
			return given.Planner.Challenges(ctx, config)
		}
	}
	write := o.OnStep
	o.OnStep = func(s Step) {
		line.Clear()
		write(s)
	}
	result, err := Run(ctx, o)
	line.Clear()
	return result, err
}

func writeJSON(out io.Writer, report any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func (f *checkFlags) validate(args []string) error {
	switch {
	case len(args) > 0:
		return fmt.Errorf("unexpected argument %q: set the domain with --domain", args[0])
	case f.domain == "" && !f.plans():
		return errors.New("--domain, --issuer, --cluster-issuer or --certificate is required")
	case f.output != outputText && f.output != outputJSON:
		return errors.New("--output must be text or json")
	case f.ttl < 1:
		return errors.New("--ttl must be at least 1")
	case f.readOnly && f.write:
		return errors.New("--read-only and --write are mutually exclusive")
	case f.removeValue != "" && (f.readOnly || f.write):
		return errors.New("--remove-value and --read-only or --write are mutually exclusive")
	case f.timeout <= 0:
		return errors.New("--timeout must be greater than 0")
	}
	return f.validatePlan()
}

// host returns the host in --provider, or the only one whose API key is in the environment. A key from a flag requires --provider,
// because a key must never go to another host.
func (f *checkFlags) host(hosts []Host, getenv func(string) string) (Host, error) {
	var providers, variables []string
	var named, ambient []Host
	for _, h := range hosts {
		providers, variables = append(providers, h.Provider()), append(variables, h.Key().Variable)
		if f.provider == h.Provider() {
			named = append(named, h)
		}
		if getenv(h.Key().Variable) != "" {
			ambient = append(ambient, h)
		}
	}
	switch {
	case f.provider != "" && len(named) == 0:
		return nil, fmt.Errorf("--provider must be %s", strings.Join(providers, " or "))
	case f.provider != "":
		return named[0], named[0].Validate()
	case f.keyFile != "" || f.secret != "":
		return nil, errors.New("--provider is required with --api-key-file and --secret: " + strings.Join(providers, " or "))
	case len(ambient) > 1:
		return nil, errors.New("--provider is required if the environment has more than one API key: " + strings.Join(providers, " or "))
	case len(ambient) == 0:
		return nil, fmt.Errorf("no API key: set --provider with --api-key-file or --secret, or the environment variable %s", strings.Join(variables, " or "))
	}
	return ambient[0], ambient[0].Validate()
}

// keySource returns the source of the API key. Flags override the environment.
func (f *checkFlags) keySource(want Key, getenv func(string) string) (keysource.Source, error) {
	if f.keyFile != "" {
		return keysource.File{Path: f.keyFile, From: want.From}, nil
	}
	if f.secret != "" {
		namespace, name, _ := strings.Cut(f.secret, "/")
		if namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, errors.New("--secret must be NAMESPACE/NAME")
		}
		return keysource.Secret{
			Namespace: namespace, Name: name, Entry: f.secretKey, Kubeconfig: f.kubeconf, From: want.From, Variable: want.Variable,
		}, nil
	}
	if value := getenv(want.Variable); value != "" {
		return keysource.Environment{Variable: want.Variable, Value: value, From: want.From}, nil
	}
	return nil, fmt.Errorf("no API key: set --api-key-file, --secret or the environment variable %s", want.Variable)
}

// SplitList splits a comma-separated list. It keeps empty names, so that validation rejects them.
func SplitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	all := strings.Split(text, ",")
	for i, one := range all {
		all[i] = strings.TrimSpace(one)
	}
	return all
}

// untilHangUp returns a context that also ends on SIGHUP. It ignores SIGPIPE, because a closed output must not end the
// process before the probe record is removed.
func untilHangUp(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	if signal.Ignored(syscall.SIGHUP) { // nohup
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}
